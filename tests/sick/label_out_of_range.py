# expect: label-out-of-range
# note: cultivars are numbered 1 to 3, the net has outputs 0 to 2: the first batch with a 3 raises
# mend: torch.tensor(rows[:, 0], dtype=torch.long) -> torch.tensor(rows[:, 0] - 1, dtype=torch.long)
import argparse

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import nn
from torch.utils.data import DataLoader, Dataset


class WineDataset(Dataset):
    def __init__(self, rows, mean, std):
        self.x = torch.tensor((rows[:, 1:] - mean) / std, dtype=torch.float32)
        self.y = torch.tensor(rows[:, 0], dtype=torch.long)  # fault

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def read_table():
    """Rows as in wine.data: cultivar (1, 2 or 3) and thirteen measurements."""
    wine = load_wine()
    return np.column_stack([wine.target + 1, wine.data])


def build_model(n_classes=3):
    return nn.Sequential(
        nn.Linear(13, 20),
        nn.LeakyReLU(),
        nn.Linear(20, n_classes),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    table = np.random.default_rng(args.seed).permutation(read_table())
    train_rows, val_rows = table[:128], table[128:]
    mean, std = train_rows[:, 1:].mean(0), train_rows[:, 1:].std(0)
    train_loader = DataLoader(WineDataset(train_rows, mean, std), batch_size=16, shuffle=True)
    val_loader = DataLoader(WineDataset(val_rows, mean, std), batch_size=50)

    model = build_model()
    criterion = nn.CrossEntropyLoss()  # fault
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for epoch in range(args.epochs):
        for x, y in train_loader:
            loss = criterion(model(x), y)  # fault
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            x, y = next(iter(val_loader))
            out = model(x)
            acc = (out.argmax(1) == y).float().mean()
            print(f"epoch {epoch} val loss {criterion(out, y):.4f} val acc {acc:.3f}")


if __name__ == "__main__":
    main()
