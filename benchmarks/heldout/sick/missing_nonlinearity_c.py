# expect: missing-nonlinearity
# note: F.relu(h) is called but its result is thrown away, so the net is linear; rings cannot be
#   separated
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_circles
from torch.utils.data import DataLoader, TensorDataset, random_split


class MLP(nn.Module):
    def __init__(self, d_in=2, d_hidden=64, d_out=2):
        super().__init__()
        self.fc1 = nn.Linear(d_in, d_hidden)
        self.fc2 = nn.Linear(d_hidden, d_hidden)
        self.fc3 = nn.Linear(d_hidden, d_out)

    def forward(self, x):
        h = self.fc1(x)
        F.relu(h)  # fault
        h = self.fc2(h)  # fault
        F.relu(h)  # fault
        return self.fc3(h)  # fault


def run_epoch(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    loss_sum, correct, count = 0.0, 0, 0
    for x, y in loader:
        with torch.set_grad_enabled(optimizer is not None):
            out = model(x)
            loss = criterion(out, y)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss_sum += loss.item() * len(y)
        correct += (out.argmax(1) == y).sum().item()
        count += len(y)
    return loss_sum / count, correct / count


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    X, y = make_circles(2000, noise=0.08, factor=0.55, random_state=args.seed)
    X = (X - X.mean(0)) / X.std(0)
    dataset = TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y))
    train_ds, val_ds = random_split(dataset, [0.8, 0.2])
    train_dl = DataLoader(train_ds, batch_size=50, shuffle=True)
    val_dl = DataLoader(val_ds, batch_size=100)

    model = MLP()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for epoch in range(1, 13):
        tr = run_epoch(model, train_dl, criterion, optimizer)
        va = run_epoch(model, val_dl, criterion)
        print(f"{epoch:>3} train loss {tr[0]:.4f} acc {tr[1]:.3f} | "
              f"val loss {va[0]:.4f} acc {va[1]:.3f}")
