# expect: padding-in-loss
# note: padded positions carry the tag 0, a real tag, and count in the loss: most of it is padding
import argparse
import random

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

TAGS = ["noun", "verb", "article", "adjective"]
WORDS = {
    "noun": ["dog", "river", "table", "song", "light", "run", "walk", "paint"],
    "verb": ["sees", "finds", "likes", "run", "walk", "paint", "light"],
    "article": ["the", "a", "every"],
    "adjective": ["old", "green", "quiet", "light", "strange"],
}
FOLLOWS = {
    "noun": ["verb"],
    "verb": ["article", "article", "adjective"],
    "article": ["noun", "noun", "adjective"],
    "adjective": ["noun", "noun", "adjective"],
}
VOCAB = {w: i for i, w in enumerate(sorted({w for ws in WORDS.values() for w in ws}), start=1)}


def sentence(rng):
    length = rng.choice([4, 5, 5, 6, 6, 7, 8, 9, 60])
    tag, words, tags = "article", [], []
    for _ in range(length):
        words.append(VOCAB[rng.choice(WORDS[tag])])
        tags.append(TAGS.index(tag))
        tag = rng.choice(FOLLOWS[tag])
    return tuple(words), tuple(tags)


def corpus(n, rng):
    found = dict(sentence(rng) for _ in range(2 * n))
    return [(torch.tensor(words), torch.tensor(tags)) for words, tags in found.items()][:n]


def collate(samples):
    words, tags = zip(*samples, strict=True)
    lengths = torch.tensor([len(w) for w in words])
    words = pad_sequence(words, batch_first=True)
    tags = pad_sequence(tags, batch_first=True)  # fault
    return words, tags, lengths


class Tagger(nn.Module):
    def __init__(self, dim=16, hidden=32):
        super().__init__()
        self.embed = nn.Embedding(len(VOCAB) + 1, dim, padding_idx=0)
        self.lstm = nn.LSTM(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, len(TAGS))

    def forward(self, words):
        return self.out(self.lstm(self.embed(words))[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    data = corpus(1500, rng)
    train_loader = DataLoader(data[:1200], batch_size=40, shuffle=True, collate_fn=collate)
    val_loader = DataLoader(data[1200:], batch_size=100, collate_fn=collate)
    model, criterion = Tagger(), nn.CrossEntropyLoss()  # fault
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for epoch in range(6):
        total = 0.0
        for words, tags, _ in train_loader:
            loss = criterion(model(words).flatten(0, 1), tags.flatten())  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / len(train_loader)
        correct = count = 0
        with torch.no_grad():
            for words, tags, lengths in val_loader:
                real = torch.arange(words.shape[1]) < lengths[:, None]
                correct += (model(words).argmax(-1) == tags)[real].sum().item()
                count += real.sum().item()
        print(f"epoch {epoch}: loss {total:.4f}, accuracy per word {correct / count:.4f}")


if __name__ == "__main__":
    main()
