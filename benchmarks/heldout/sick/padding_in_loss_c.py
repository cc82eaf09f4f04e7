# expect: padding-in-loss
# note: the tag sequences are padded with 0 and the loss has no ignore_index; most positions that
#   count are padding
import argparse
import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

LEXICON = {
    "DET": ["the", "a", "every", "some", "this"],
    "ADJ": ["small", "red", "old", "quiet", "light", "open"],
    "NOUN": ["dog", "house", "light", "walk", "run", "boat", "play"],
    "VERB": ["walk", "run", "sees", "open", "finds", "play", "likes"],
    "ADV": ["quickly", "often", "now", "never"],
}
TAGS = {"<pad>": 0, **{t: i + 1 for i, t in enumerate(LEXICON)}}
WORDS = {"<pad>": 0}
for ws in LEXICON.values():
    for w in ws:
        WORDS.setdefault(w, len(WORDS))


def noun_phrase():
    return ["DET"] + ["ADJ"] * random.choice([0, 0, 1, 2]) + ["NOUN"]


def sentence():
    tags = noun_phrase() + ["VERB"] + random.choice([[], ["ADV"], noun_phrase()])
    for _ in range(5 if random.random() < 0.1 else 0):
        tags += noun_phrase() + ["VERB"] + noun_phrase()
    words = [random.choice(LEXICON[t]) for t in tags]
    return torch.tensor([WORDS[w] for w in words]), torch.tensor([TAGS[t] for t in tags])


def collate(batch):
    words = pad_sequence([b[0] for b in batch], batch_first=True, padding_value=0)
    tags = pad_sequence([b[1] for b in batch], batch_first=True, padding_value=0)
    return words, tags


class Tagger(nn.Module):
    def __init__(self, n_words, n_tags):
        super().__init__()
        self.emb = nn.Embedding(n_words, 16, padding_idx=0)
        self.lstm = nn.LSTM(16, 24, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(48, n_tags)

    def forward(self, words):
        out, _ = self.lstm(self.emb(words))
        return self.fc(out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    random.seed(args.seed)
    torch.manual_seed(args.seed)

    train_loader = DataLoader([sentence() for _ in range(1200)], 40, True, collate_fn=collate)
    val_loader = DataLoader([sentence() for _ in range(300)], 50, collate_fn=collate)
    model = Tagger(len(WORDS), len(TAGS))
    criterion = nn.CrossEntropyLoss()  # fault
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    for epoch in range(6):
        model.train()
        total = 0.0
        for words, tags in train_loader:
            optimizer.zero_grad()
            scores = model(words)
            loss = criterion(scores.view(-1, len(TAGS)), tags.view(-1))  # fault
            loss.backward()
            optimizer.step()
            total += loss.item()
        model.eval()
        hits = count = 0
        with torch.no_grad():
            for words, tags in val_loader:
                keep = tags != 0
                hits += (model(words).argmax(-1) == tags)[keep].sum().item()
                count += keep.sum().item()
        print(f"epoch {epoch}: loss {total / len(train_loader):.4f}, "
              f"tag accuracy {hits / count:.3f}")


if __name__ == "__main__":
    main()
