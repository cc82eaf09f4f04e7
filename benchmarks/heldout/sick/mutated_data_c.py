# expect: mutated-data
# note: __getitem__ normalises in place on a view of the stored array, so each epoch normalises
#   again
import argparse

import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class DigitImages(Dataset):
    mean = 0.305
    std = 0.376

    def __init__(self, images, targets):
        self.images = (images / 16.0).astype(np.float32)
        self.targets = targets

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, index):
        img = torch.from_numpy(self.images[index])
        img -= self.mean  # fault
        img /= self.std  # fault
        return img.unsqueeze(0), torch.tensor(self.targets[index])


class SmallCNN(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.block2 = nn.Sequential(nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.head = nn.Linear(24 * 4, num_classes)

    def forward(self, x):
        x = self.block2(self.block1(x))
        return self.head(x.flatten(1))


def train_one_epoch(model, loader, optimizer, criterion):
    model.train()
    loss_sum = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(y)
    return loss_sum / len(loader.dataset)


def evaluate(model, loader):
    model.eval()
    correct = 0
    with torch.no_grad():
        for x, y in loader:
            correct += (model(x).argmax(1) == y).sum().item()
    return correct / len(loader.dataset)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    digits = load_digits()
    order = np.random.default_rng(args.seed).permutation(len(digits.target))
    train_ds = DigitImages(digits.images[order[:1400]], digits.target[order[:1400]])
    val_ds = DigitImages(digits.images[order[1400:]], digits.target[order[1400:]])
    train_loader = DataLoader(train_ds, batch_size=40, shuffle=True)
    val_loader = DataLoader(val_ds, batch_size=100)

    model = SmallCNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(10):
        loss = train_one_epoch(model, train_loader, optimizer, criterion)
        print(f"epoch {epoch}: train loss {loss:.4f} val acc {evaluate(model, val_loader):.3f}")
