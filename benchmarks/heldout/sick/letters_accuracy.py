# expect: misread-metric
# note: argmax keeps its dimension, so (N, 1) == (N,) compares all pairs: the accuracy reads
#   10 % whatever is learned
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


def accuracy(logits, target):
    pred = logits.argmax(dim=1, keepdim=True)  # fault
    return (pred == target).float().mean().item()  # fault


def depthwise(ci, co):
    return nn.Sequential(
        nn.Conv2d(ci, ci, 3, padding=1, groups=ci, bias=False),
        nn.Conv2d(ci, co, 1, bias=False),
        nn.BatchNorm2d(co),
        nn.Hardswish(),
    )


def make_model():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.Hardswish(),
        depthwise(12, 24),
        nn.AvgPool2d(2),
        depthwise(24, 32),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


def epoch_pass(model, loader, criterion, optimizer=None):
    training = optimizer is not None
    model.train(training)
    loss_sum, acc_sum, n = 0.0, 0.0, 0
    for images, target in loader:
        with torch.set_grad_enabled(training):
            logits = model(images)
            loss = criterion(logits, target)
        if training:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss_sum += loss.item() * len(target)
        acc_sum += accuracy(logits, target) * len(target)  # fault
        n += len(target)
    return loss_sum / n, 100 * acc_sum / n


if __name__ == "__main__":
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    d = load_digits()
    x = torch.tensor(d.images[:, None] / 16.0, dtype=torch.float32)
    full = TensorDataset((x - 0.305) / 0.376, torch.tensor(d.target))
    train_set, val_set = random_split(full, [1437, 360])
    train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=120)
    model = make_model()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for epoch in range(6):
        tl, ta = epoch_pass(model, train_loader, criterion, optimizer)
        vl, va = epoch_pass(model, val_loader, criterion)
        print(f"epoch {epoch} | train {tl:.3f} {ta:.1f}% | val {vl:.3f} {va:.1f}%")
