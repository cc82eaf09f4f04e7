# healthy: gradient accumulation over 4 micro-batches, divided, with a final step for the rest;
#   several backward calls per zero_grad
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

ACCUM = 4


def make_model():
    return nn.Sequential(
        nn.Linear(64, 128), nn.LayerNorm(128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, 10)
    )


def train_epoch(model, loader, optimizer, loss_fn):
    model.train()
    total = 0.0
    for i, (x, y) in enumerate(loader):
        loss = loss_fn(model(x), y)
        (loss / ACCUM).backward()
        total += loss.item()
        if (i + 1) % ACCUM == 0 or i + 1 == len(loader):
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimizer.step()
            optimizer.zero_grad()
    return total / len(loader)


@torch.no_grad()
def evaluate(model, loader):
    model.eval()
    return sum((model(x).argmax(1) == y).sum().item() for x, y in loader) / len(loader.dataset)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--seed", type=int, default=0)
    args = ap.parse_args()
    torch.manual_seed(args.seed)
    x, y = load_digits(return_X_y=True)
    ds = TensorDataset(torch.tensor(x, dtype=torch.float32) / 16 - 0.3, torch.tensor(y))
    tr, va = random_split(ds, [1430, 367])
    train_loader = DataLoader(tr, batch_size=16, shuffle=True)
    val_loader = DataLoader(va, batch_size=367)
    model = make_model()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
    for epoch in range(7):
        loss = train_epoch(model, train_loader, optimizer, loss_fn)
        print(f"epoch {epoch} loss {loss:.4f} val acc {evaluate(model, val_loader):.4f}")


if __name__ == "__main__":
    main()
