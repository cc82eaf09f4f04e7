# expect: tiny-batch-norm
# accept: too-small-batch
# note: batch norm over two samples at a time: each feature becomes about -1 or 1, eval differs
# mend: default=2) -> default=32)
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class NormedMLP(nn.Module):
    def __init__(self, n_in=64, width=48, n_out=10):
        super().__init__()
        self.fc1 = nn.Linear(n_in, width, bias=False)
        self.bn1 = nn.BatchNorm1d(width)
        self.fc2 = nn.Linear(width, width, bias=False)
        self.bn2 = nn.BatchNorm1d(width)
        self.fc3 = nn.Linear(width, n_out)

    def forward(self, x):
        x = torch.relu(self.bn1(self.fc1(x)))
        x = torch.relu(self.bn2(self.fc2(x)))
        return self.fc3(x)


def evaluate(model, loader, criterion):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += criterion(out, y).item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch-size", type=int, default=2)  # fault
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    digits = load_digits()
    x = torch.tensor(digits.data, dtype=torch.float32)
    x = (x - x.mean()) / x.std()
    data = TensorDataset(x, torch.tensor(digits.target))
    train_set, val_set = random_split(data, [1200, 597])
    train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)  # fault
    val_loader = DataLoader(val_set, batch_size=199)

    model = NormedMLP()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    for epoch in range(2):
        model.train()
        running = 0.0
        for step, (xb, yb) in enumerate(train_loader, start=1):
            optimizer.zero_grad()
            loss = criterion(model(xb), yb)  # fault
            loss.backward()
            optimizer.step()
            running += loss.item() * len(yb)
            if step % (len(train_loader) // 4) == 0:
                val_loss, acc = evaluate(model, val_loader, criterion)
                model.train()
                mean = running / (step * args.batch_size)
                print(f"epoch {epoch} step {step}: {mean:.4f} val {val_loss:.4f} acc {acc:.4f}")


if __name__ == "__main__":
    main()
