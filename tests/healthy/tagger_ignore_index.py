# healthy: word tagging with a bidirectional LSTM (which may look ahead), padded targets set to
# -100 so that padding leaves the loss, packed sequences so that it leaves the network
import argparse
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

LEXICON = {
    "DET": "the a this every some".split(),
    "ADJ": "cold bright heavy gentle strange golden".split(),
    "NOUN": "river stone lamp king window song train plant watch walk".split(),
    "VERB": "moves breaks finds carries plant watch walk train lights".split(),
    "ADV": "slowly often never again".split(),
    "PREP": "under with behind near".split(),
}
TAGS = list(LEXICON)
WORDS = ["<pad>", *sorted({w for words in LEXICON.values() for w in words})]
WORD_ID = {w: i for i, w in enumerate(WORDS)}


def noun_phrase(rng):
    return ["DET"] + ["ADJ"] * rng.choice([0, 0, 1, 2]) + ["NOUN"]


def sentence(rng):
    tags = noun_phrase(rng)
    if rng.random() < 0.3:
        tags += ["PREP", *noun_phrase(rng)]
    tags += ["ADV"] * (rng.random() < 0.3) + ["VERB"]
    if rng.random() < 0.8:
        tags += noun_phrase(rng)
    if rng.random() < 0.4:
        tags += ["PREP", *noun_phrase(rng)]
    return [rng.choice(LEXICON[t]) for t in tags], tags


def corpus(n, rng):
    """Distinct sentences only."""
    seen = {}
    while len(seen) < n:
        words, tags = sentence(rng)
        seen[tuple(words)] = tags
    pairs = list(seen.items())
    rng.shuffle(pairs)
    return [
        (torch.tensor([WORD_ID[w] for w in ws]), torch.tensor([TAGS.index(t) for t in ts]))
        for ws, ts in pairs
    ]


def batches(data, size, rng=None):
    order = list(range(len(data)))
    if rng:
        rng.shuffle(order)
    for i in range(0, len(order), size):
        words, tags = zip(*(data[j] for j in order[i : i + size]))
        lengths = torch.tensor([len(w) for w in words])
        yield (pad_sequence(words, batch_first=True), lengths,
               pad_sequence(tags, batch_first=True, padding_value=-100))


class BiLSTMTagger(nn.Module):
    def __init__(self, emb=24, hidden=32):
        super().__init__()
        self.emb = nn.Embedding(len(WORDS), emb, padding_idx=0)
        self.lstm = nn.LSTM(emb, hidden, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * hidden, len(TAGS))

    def forward(self, words, lengths):
        packed = pack_padded_sequence(
            self.emb(words), lengths, batch_first=True, enforce_sorted=False
        )
        hidden, _ = pad_packed_sequence(self.lstm(packed)[0], batch_first=True)
        return self.out(hidden)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data = corpus(1900, rng)
    train, dev = data[:1600], data[1600:]
    model = BiLSTMTagger()
    criterion = nn.CrossEntropyLoss(ignore_index=-100)
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    for epoch in range(5):
        total, count = 0.0, 0
        for words, lengths, tags in batches(train, 32, rng):
            loss = criterion(model(words, lengths).transpose(1, 2), tags)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * lengths.sum().item()
            count += lengths.sum().item()
        right, tokens = 0, 0
        with torch.no_grad():
            for words, lengths, tags in batches(dev, 100):
                pred = model(words, lengths).argmax(-1)
                right += (pred == tags).sum().item()
                tokens += (tags != -100).sum().item()
        print(f"epoch {epoch} loss {total / count:.4f} dev accuracy {right / tokens:.4f}")
