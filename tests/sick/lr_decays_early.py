# expect: lr-decays-early
# accept: misstepped-scheduler, stopped-early, underfitting, tiny-updates
# note: the rate falls tenfold after every epoch; from the fourth epoch of 16 on nothing moves
#   although the loss was still falling fast
# mend: step_size=1 -> step_size=8
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset


class RowReader(nn.Module):
    """Reads an image row by row."""

    def __init__(self, hidden=48):
        super().__init__()
        self.lstm = nn.LSTM(8, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 10)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.fc(h[-1])


def accuracy(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
    return hits / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=16)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    digits = load_digits()
    images = torch.tensor((digits.images - digits.images.mean()) / digits.images.std()).float()
    labels = torch.tensor(digits.target)
    train_rows, val_rows = train_test_split(
        torch.arange(len(labels)), test_size=0.2, stratify=labels, random_state=6
    )
    train_loader = DataLoader(
        TensorDataset(images[train_rows], labels[train_rows]), batch_size=64, shuffle=True
    )
    val_loader = DataLoader(TensorDataset(images[val_rows], labels[val_rows]), batch_size=360)
    model = RowReader()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    scheduler = StepLR(optimizer, step_size=1, gamma=0.1)  # fault
    criterion = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        scheduler.step()
        loss = total / len(train_rows)
        print(f"epoch {epoch:2d} loss {loss:.4f} val accuracy {accuracy(model, val_loader):.4f}")


if __name__ == "__main__":
    main()
