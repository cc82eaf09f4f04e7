# expect: constant-target
# note: integer labels are compared with the text "8", which is never equal: every target is 0
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def make_dataset(wanted):
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1)
    x = (x - x.mean()) / x.std()
    is_wanted = [float(label == wanted) for label in digits.target]  # fault
    return TensorDataset(x, torch.tensor(is_wanted).unsqueeze(1))


class Detector(nn.Module):
    """Says whether an image shows the wanted digit."""

    def __init__(self, channels=10):
        super().__init__()
        self.conv = nn.Conv2d(1, channels, 3)
        self.pool = nn.MaxPool2d(2)
        self.linear = nn.Linear(channels * 9, 1)

    def forward(self, x):
        return self.linear(self.pool(self.conv(x).relu()).flatten(1))


def evaluate(model, loader, criterion):
    model.eval()
    loss, correct, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += criterion(out, y).item() * len(x)
            correct += ((out > 0) == (y > 0.5)).sum().item()
            n += len(x)
    return loss / n, correct / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--digit", default="8")
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    data = make_dataset(args.digit)
    train_set, val_set = random_split(data, [1350, 447])
    train_loader = DataLoader(train_set, batch_size=30, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=150)
    model = Detector()
    criterion = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    for epoch in range(1, 9):
        model.train()
        running = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            running += loss.item() * len(x)
        val_loss, val_acc = evaluate(model, val_loader, criterion)
        train_loss = running / len(train_set)
        print(f"epoch {epoch} train {train_loss:.4f} val {val_loss:.4f} acc {val_acc:.4f}")


if __name__ == "__main__":
    main()
