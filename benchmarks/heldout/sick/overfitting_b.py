# expect: overfitting
# accept: too-few-samples
# location: none
# note: a character model with more parameters than the few kilobytes of text have letters; the
#   validation loss turns after a third of the run and rises, the training loss keeps falling
import argparse
import random

import torch
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from torch import nn


def read_text():
    loaders = (load_wine, load_iris, load_breast_cancer, load_diabetes)
    lines = "\n".join(f().DESCR.lower() for f in loaders).splitlines()
    lines = sorted({line.strip() for line in lines if len(line.split()) > 4})
    random.Random(3).shuffle(lines)
    cut = int(0.8 * len(lines))
    return "\n".join(lines[:cut]), "\n".join(lines[cut:])


class CharGRU(nn.Module):
    def __init__(self, vocab, dim=32, hidden=128):
        super().__init__()
        self.embed = nn.Embedding(vocab, dim)
        self.gru = nn.GRU(dim, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, ids):
        return self.out(self.gru(self.embed(ids))[0])


def windows(ids, length=32):
    n = (len(ids) - 1) // length
    return ids[: n * length].view(n, length), ids[1 : n * length + 1].view(n, length)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=30)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_text, val_text = read_text()
    chars = sorted(set(train_text + val_text))
    index = {c: i for i, c in enumerate(chars)}
    x, y = windows(torch.tensor([index[c] for c in train_text]))
    x_val, y_val = windows(torch.tensor([index[c] for c in val_text]))
    model = CharGRU(len(chars))
    optimizer = torch.optim.AdamW(model.parameters(), lr=6e-3, weight_decay=0.0)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(16):
            loss = F.cross_entropy(model(x[rows]).flatten(0, 1), y[rows].flatten())
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            val = F.cross_entropy(model(x_val).flatten(0, 1), y_val.flatten()).item()
        print(f"epoch {epoch:2d} train {total / len(x):.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
