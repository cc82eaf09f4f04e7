# healthy: OneCycleLR is stepped after every batch as it must be, so the rate ends near zero; the
#   first loss is near ln 10
import argparse

import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.utils.data import DataLoader, TensorDataset


class ResBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU()
        )

    def forward(self, x):
        return x + self.body(x)


def loaders(seed):
    d = load_digits()
    x = torch.tensor(d.images, dtype=torch.float32)[:, None] / 16
    x = (x - x.mean()) / x.std()
    y = torch.tensor(d.target)
    xt, xv, yt, yv = train_test_split(x, y, test_size=0.25, random_state=seed, stratify=y)
    return (
        DataLoader(TensorDataset(xt, yt), batch_size=64, shuffle=True, drop_last=True),
        DataLoader(TensorDataset(xv, yv), batch_size=64),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=6)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train_loader, val_loader = loaders(args.seed)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), ResBlock(12), nn.MaxPool2d(2), ResBlock(12),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=0.15, epochs=args.epochs, steps_per_epoch=len(train_loader)
    )
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            ok = sum((model(x).argmax(1) == y).sum().item() for x, y in val_loader)
        acc = ok / len(val_loader.dataset)
        lr = scheduler.get_last_lr()[0]
        print(f"{epoch} loss {total / len(train_loader):.4f} acc {acc:.4f} lr {lr:.5f}")


if __name__ == "__main__":
    main()
