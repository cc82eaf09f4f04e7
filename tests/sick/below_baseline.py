# expect: below-baseline
# accept: split-drift
# note: class names get numbers in order of first appearance, separately for training and validation
# mend by hand: classes = list(dict.fromkeys(names)) -> classes = NAMES
import argparse

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, Dataset

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


class NamedDigits(Dataset):
    """Digits with the class given as a word."""

    def __init__(self, images, names):
        self.images = torch.tensor(images, dtype=torch.float32) / 16.0
        self.images = (self.images - 0.305) / 0.376
        classes = list(dict.fromkeys(names))  # fault
        number = {name: i for i, name in enumerate(classes)}
        self.labels = torch.tensor([number[name] for name in names])

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i], self.labels[i]


def split(seed):
    digits = load_digits()
    order = np.random.default_rng(seed).permutation(len(digits.target))
    names = [NAMES[t] for t in digits.target[order]]
    images = digits.images[order]
    return (images[:1350], names[:1350]), (images[1350:], names[1350:])


class Model(nn.Module):
    def __init__(self, width=64, depth=2):
        super().__init__()
        self.stem = nn.Linear(64, width)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.head = nn.Linear(width, 10)

    def forward(self, x):
        x = torch.relu(self.stem(x.flatten(1)))
        for block in self.blocks:
            x = x + torch.relu(block(x))
        return self.head(x)


def run(model, loader, criterion, optimizer=None):
    model.train(optimizer is not None)
    loss_sum, hits = 0.0, 0
    for x, y in loader:
        with torch.set_grad_enabled(optimizer is not None):
            logits = model(x)
            loss = criterion(logits, y)
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss_sum += loss.item() * len(y)
        hits += (logits.argmax(1) == y).sum().item()
    return loss_sum / len(loader.dataset), hits / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train, val = split(args.seed)
    train_loader = DataLoader(NamedDigits(*train), batch_size=45, shuffle=True)
    val_loader = DataLoader(NamedDigits(*val), batch_size=149)
    model = Model()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    for epoch in range(8):
        train_loss, train_acc = run(model, train_loader, criterion, optimizer)
        val_loss, val_acc = run(model, val_loader, criterion)
        print(
            f"{epoch}: train {train_loss:.4f} ({train_acc:.3f}) val {val_loss:.4f} ({val_acc:.3f})"
        )


if __name__ == "__main__":
    main()
