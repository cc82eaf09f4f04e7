# expect: lr-too-high
# accept: huge-updates, loss-diverges, loss-flat, jittery-predictions, growing-weights
# note: Adam at 0.5; every step changes the weights by several times their own size and the accuracy
#   is thrown about
# mend: default=0.5 -> default=0.005
import argparse
import random

import torch
import torch.nn.functional as F
from torch import nn

TOPICS = {
    "weather": "rain sun wind storm cloud snow warm cold sky fog".split(),
    "sport": "goal team match player ball race coach win score run".split(),
    "food": "bread soup cheese cook taste salt apple dinner sweet cake".split(),
    "travel": "train ticket hotel road map flight border trip coast bag".split(),
}
COMMON = "the a of and to is in it that was on with as for at by from we they".split()


def write(rng, topic, length=14):
    return [
        rng.choice(TOPICS[topic]) if rng.random() < 0.2 else rng.choice(COMMON)
        for _ in range(length)
    ]


def build_corpus(rng, n):
    names = list(TOPICS)
    labels = [rng.randrange(len(names)) for _ in range(n)]
    texts = [write(rng, names[k]) for k in labels]
    confused = [rng.randrange(len(names)) if rng.random() < 0.05 else k for k in labels]
    return texts, torch.tensor(confused)


class BagOfWords(nn.Module):
    def __init__(self, vocab, dim=24, classes=4):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, dim, mode="mean")
        self.hidden = nn.Linear(dim, 32)
        self.out = nn.Linear(32, classes)

    def forward(self, ids):
        return self.out(F.leaky_relu(self.hidden(self.bag(ids)), 0.1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--lr", type=float, default=0.5)
    parser.add_argument("--epochs", type=int, default=8)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    vocab = {w: i for i, w in enumerate(sorted({*COMMON, *sum(TOPICS.values(), [])}))}
    texts, labels = build_corpus(rng, 2000)
    ids = torch.tensor([[vocab[w] for w in text] for text in texts])
    x, y, x_val, y_val = ids[:1600], labels[:1600], ids[1600:], labels[1600:]
    model = BagOfWords(len(vocab))
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)  # fault
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(32):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            logits = model(x_val)
            acc = (logits.argmax(1) == y_val).float().mean().item()
            val = F.cross_entropy(logits, y_val).item()
        print(f"epoch {epoch} train {total / len(x):.4f} val {val:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
