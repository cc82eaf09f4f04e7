# expect: incomplete-checkpoint
# accept: loss-spikes
# note: only the weights are saved; after the restart the optimizer has lost its momentum and the
#   schedule begins again at the full rate, so the loss jumps up
import argparse
import os
import tempfile

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def build():
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 24, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.5),
        nn.Linear(96, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.1)
    return model, optimizer, scheduler


def train(model, optimizer, scheduler, loaders, epochs):
    criterion = nn.CrossEntropyLoss()
    for epoch in epochs:
        model.train()
        total = 0.0
        for x, y in loaders["train"]:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y)
        scheduler.step()
        model.eval()
        correct = 0
        with torch.no_grad():
            for x, y in loaders["val"]:
                correct += (model(x).argmax(1) == y).sum().item()
        n_train, n_val = len(loaders["train"].dataset), len(loaders["val"].dataset)
        print(f"epoch {epoch} train loss {total / n_train:.4f} val acc {correct / n_val:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 6 - 0.8
    y = torch.tensor(digits.target)
    rows, held = train_test_split(range(len(y)), test_size=0.2, stratify=y, random_state=0)
    loaders = {
        "train": DataLoader(TensorDataset(x[rows], y[rows]), 32, shuffle=True, drop_last=True),
        "val": DataLoader(TensorDataset(x[held], y[held]), 180),
    }
    path = os.path.join(tempfile.mkdtemp(), "last.pt")

    model, optimizer, scheduler = build()
    train(model, optimizer, scheduler, loaders, range(6))
    torch.save({"epoch": 6, "model": model.state_dict()}, path)  # fault

    checkpoint = torch.load(path)
    model, optimizer, scheduler = build()  # fault
    model.load_state_dict(checkpoint["model"])  # fault
    print(f"resumed at epoch {checkpoint['epoch']}")
    train(model, optimizer, scheduler, loaders, range(checkpoint["epoch"], 9))


if __name__ == "__main__":
    main()
