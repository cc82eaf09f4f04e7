# expect: token-out-of-range
# note: the padding id is the size of the vocabulary, one past the last row of the embedding table
# mend: nn.Embedding(vocab_size, dim) -> nn.Embedding(vocab_size + 1, dim, padding_idx=vocab_size)
import argparse
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

PEOPLE = ["the nurse", "a tourist", "my neighbour", "the clerk", "our guide", "the pilot"]
GOOD = ["loved", "enjoyed", "praised", "recommended", "adored"]
BAD = ["hated", "regretted", "disliked", "avoided", "criticised"]
THINGS = ["the soup", "that hotel", "the long tour", "this film", "the music", "the new bridge"]
ENDS = ["", "on monday", "after all", "with the whole family", "as everyone could see"]


def review(rng):
    label = rng.randrange(2)
    words = [rng.choice(PEOPLE), rng.choice((BAD, GOOD)[label]), rng.choice(THINGS)]
    if rng.random() < 0.4:
        words.insert(1, "never")
        label = 1 - label
    return " ".join([*words, rng.choice(ENDS)]).split(), label


class TextClassifier(nn.Module):
    def __init__(self, vocab_size, dim=24, hidden=32):
        super().__init__()
        self.embedding = nn.Embedding(vocab_size, dim)  # fault
        self.gru = nn.GRU(dim, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 2)

    def forward(self, tokens, lengths):
        embedded = self.embedding(tokens)  # fault
        packed = nn.utils.rnn.pack_padded_sequence(
            embedded, lengths, batch_first=True, enforce_sorted=False
        )
        _, last = self.gru(packed)
        return self.fc(last[0])


def make_batch(samples, vocab):
    ids = [torch.tensor([vocab[w] for w in words]) for words, _ in samples]
    tokens = pad_sequence(ids, batch_first=True, padding_value=len(vocab))  # fault
    return tokens, torch.tensor([len(i) for i in ids]), torch.tensor([y for _, y in samples])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)

    pool = sorted({(" ".join(words), label) for words, label in (review(rng) for _ in range(1500))})
    rng.shuffle(pool)
    data = [(text.split(), label) for text, label in pool]
    vocab = {w: i for i, w in enumerate(sorted({w for words, _ in data for w in words}))}
    train, val = data[:640], data[640:840]
    print(f"{len(train)} training texts, {len(vocab)} words")

    model = TextClassifier(len(vocab))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for epoch in range(8):
        rng.shuffle(train)
        total = 0.0
        for i in range(0, len(train), 32):
            tokens, lengths, labels = make_batch(train[i : i + 32], vocab)
            loss = nn.functional.cross_entropy(model(tokens, lengths), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
        with torch.no_grad():
            tokens, lengths, labels = make_batch(val, vocab)
            acc = (model(tokens, lengths).argmax(1) == labels).float().mean()
        print(f"epoch {epoch}: loss {total / len(train):.4f} val acc {acc:.4f}")


if __name__ == "__main__":
    main()
