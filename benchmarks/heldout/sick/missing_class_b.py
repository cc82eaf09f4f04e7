# expect: missing-class
# accept: split-drift
# note: the balanced subset is drawn for classes 1 to 9 only, no zero is ever trained on
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset


def balanced_split(labels, per_class, rng):
    chosen = []
    for c in range(1, 10):  # fault
        members = np.flatnonzero(labels == c)
        chosen.append(rng.permutation(members)[:per_class])
    train = np.concatenate(chosen)
    rest = np.setdiff1d(np.arange(len(labels)), train)
    return train, rng.permutation(rest)[:450]


class Encoder(nn.Module):
    """Reads the image row by row."""

    def __init__(self, hidden=48):
        super().__init__()
        self.rnn = nn.GRU(8, hidden, batch_first=True, bidirectional=True)
        self.classifier = nn.Linear(2 * hidden, 10)

    def forward(self, rows):
        states, _ = self.rnn(rows)
        return self.classifier(states.mean(dim=1))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)
    data = TensorDataset((x - x.mean()) / x.std(), torch.tensor(digits.target))
    train, val = balanced_split(digits.target, 120, rng)
    train_loader = DataLoader(Subset(data, train.tolist()), batch_size=40, shuffle=True)
    val_loader = DataLoader(Subset(data, val.tolist()), batch_size=150)

    model = Encoder()
    opt = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    for epoch in range(12):
        model.train()
        train_loss = 0.0
        for xb, yb in train_loader:
            loss = F.cross_entropy(model(xb), yb)
            opt.zero_grad()
            loss.backward()
            opt.step()
            train_loss += loss.item() * len(xb) / len(train)
        model.eval()
        val_loss = val_hits = 0.0
        with torch.no_grad():
            for xb, yb in val_loader:
                out = model(xb)
                val_loss += F.cross_entropy(out, yb).item() * len(xb) / len(val)
                val_hits += (out.argmax(-1) == yb).sum().item()
        print(f"{epoch + 1:2d}: {train_loss:.4f} / {val_loss:.4f} / {val_hits / len(val):.3f}")


if __name__ == "__main__":
    main()
