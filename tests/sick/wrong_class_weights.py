# expect: wrong-class-weights
# note: the class weights are proportional to the counts instead of to their inverse, so the rare
#       class hardly counts at all and is never predicted; accuracy looks high, recall is near 0
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

NAMES = ["normal", "worn", "broken"]


def make_machines(counts, rng):
    """Eight sensor readings per machine; the states overlap."""
    x, y = [], []
    directions = np.array(
        [[0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 0, 0, -1, 0, 0, 0.5], [0, 1, 1, -1, 0, 1, 0, 0.5]]
    )
    for k, n in enumerate(counts):
        x.append(rng.normal(size=(n, 8)) * 0.9 + directions[k])
        y.append(np.full(n, k))
    x, y = np.concatenate(x), np.concatenate(y)
    order = rng.permutation(len(x))
    return torch.tensor(x[order], dtype=torch.float32), torch.tensor(y[order])


class Diagnoser(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU()
        )
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out(self.net(x))


def recalls(model, loader):
    model.eval()
    hit, total = torch.zeros(3), torch.zeros(3)
    with torch.no_grad():
        for x, y in loader:
            pred = model(x).argmax(1)
            for k in range(3):
                total[k] += (y == k).sum()
                hit[k] += ((y == k) & (pred == k)).sum()
    return (hit / total).tolist()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    x_train, y_train = make_machines((1500, 220, 120), rng)
    x_val, y_val = make_machines((400, 60, 40), rng)
    train_loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True)
    val_loader = DataLoader(TensorDataset(x_val, y_val), batch_size=250)

    counts = torch.bincount(y_train, minlength=3).float()
    weights = counts / counts.mean()  # fault
    criterion = nn.CrossEntropyLoss(weight=weights)  # fault
    model = Diagnoser()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(12):
        model.train()
        losses = []
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        per_class = recalls(model, val_loader)
        text = "  ".join(f"{n} {r:.2f}" for n, r in zip(NAMES, per_class))
        print(f"epoch {epoch:2d} loss {np.mean(losses):.4f} recall: {text}")


if __name__ == "__main__":
    main()
