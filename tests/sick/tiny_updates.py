# expect: tiny-updates
# accept: lr-too-low, loss-flat
# note: the loss is already a mean but is divided by the size of the training set once more; with
#   SGD the steps are a thousand times too short and little changes
# mend: criterion(model(xb), yb) / len(train_set) -> criterion(model(xb), yb)
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


class BatchNormMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(64, 80, bias=False),
            nn.BatchNorm1d(80),
            nn.ReLU(),
            nn.Linear(80, 40, bias=False),
            nn.BatchNorm1d(40),
            nn.ReLU(),
            nn.Linear(40, 10),
        )

    def forward(self, x):
        return self.net(x)


def evaluate(model, loader):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            logits = model(x)
            loss += nn.functional.cross_entropy(logits, y, reduction="sum").item()
            hits += (logits.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = load_digits(return_X_y=True)
    x = torch.tensor(x, dtype=torch.float32) / 16 - 0.305
    data = TensorDataset(x, torch.tensor(y))
    train_set, val_set = random_split(
        data, [1440, 357], generator=torch.Generator().manual_seed(15)
    )
    train_loader = DataLoader(train_set, batch_size=48, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=357)
    model = BatchNormMLP()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)  # fault
    for epoch in range(args.epochs):
        model.train()
        epoch_loss = 0.0
        for xb, yb in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(xb), yb) / len(train_set)  # fault
            loss.backward()
            optimizer.step()
            epoch_loss += loss.item() * len(yb)
        val_loss, val_acc = evaluate(model, val_loader)
        print(f"epoch {epoch:2d} train {epoch_loss:.4f} val {val_loss:.4f} acc {val_acc:.3f}")


if __name__ == "__main__":
    main()
