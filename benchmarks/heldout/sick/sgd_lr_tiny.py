# expect: lr-too-low
# accept: tiny-updates, underfitting, stopped-early, loss-flat
# note: SGD with learning rate 1e-5; the weights hardly move and the loss stays at ln 10
import argparse
import logging

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logging.basicConfig(level=logging.INFO, format="%(message)s")
log = logging.getLogger("train")


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--lr", type=float, default=1e-5)  # fault
    p.add_argument("--epochs", type=int, default=8)
    return p.parse_args()


def get_loaders(seed):
    digits = load_digits()
    x = torch.from_numpy(digits.images).float()[:, None]
    x = (x - 4.9) / 6.0
    y = torch.from_numpy(digits.target)
    xt, xv, yt, yv = train_test_split(x, y, test_size=0.2, random_state=seed)
    return (
        DataLoader(TensorDataset(xt, yt), batch_size=32, shuffle=True),
        DataLoader(TensorDataset(xv, yv), batch_size=256),
    )


def conv_block(cin, cout):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, padding=1), nn.BatchNorm2d(cout), nn.ReLU())


def build():
    return nn.Sequential(
        conv_block(1, 8), nn.MaxPool2d(2), conv_block(8, 16), nn.Flatten(), nn.Linear(256, 10)
    )


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    train_loader, val_loader = get_loaders(args.seed)
    model = build()
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)  # fault
    for epoch in range(args.epochs):
        model.train()
        losses = []
        for x, y in train_loader:
            optimizer.zero_grad(set_to_none=True)
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        model.eval()
        correct = 0
        with torch.inference_mode():
            for x, y in val_loader:
                correct += (model(x).argmax(1) == y).sum().item()
        acc = correct / len(val_loader.dataset)
        log.info("epoch=%d loss=%.4f val_acc=%.4f", epoch, sum(losses) / len(losses), acc)


if __name__ == "__main__":
    main()
