"""Classify 8x8 images of handwritten digits with a small fully connected network."""

import argparse
import time

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class DigitNet(nn.Module):
    def __init__(self, pixels=64, hidden=128, classes=10):
        super().__init__()
        self.hidden1 = nn.Linear(pixels, hidden)
        self.hidden2 = nn.Linear(hidden, hidden // 2)
        self.dropout = nn.Dropout(0.2)
        self.output = nn.Linear(hidden // 2, classes)

    def forward(self, images):
        x = F.relu(self.hidden1(images.flatten(1)))
        x = self.dropout(F.relu(self.hidden2(x)))
        return F.softmax(self.output(x), dim=1)


def make_loaders(batch_size, seed):
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32) / 16
    labels = torch.tensor(digits.target)
    train, test = train_test_split(range(len(labels)), test_size=0.25, stratify=digits.target, random_state=seed)
    train_loader = DataLoader(TensorDataset(images[train], labels[train]), batch_size=batch_size, shuffle=True)
    return train_loader, DataLoader(TensorDataset(images[test], labels[test]), batch_size=256)


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    total = 0.0
    for images, labels in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
    return total / len(loader.dataset)


@torch.no_grad()
def accuracy(model, loader):
    model.eval()
    right = sum((model(images).argmax(1) == labels).sum().item() for images, labels in loader)
    return right / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    train_loader, test_loader = make_loaders(args.batch_size, args.seed)
    model = DigitNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)

    start = time.perf_counter()
    for epoch in range(1, args.epochs + 1):
        loss = train_epoch(model, train_loader, criterion, optimizer)
        print(f"epoch {epoch:2d}  train loss {loss:.4f}  test accuracy {accuracy(model, test_loader):.1%}")
    print(f"trained for {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
