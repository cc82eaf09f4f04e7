# expect: split-overlap
# note: the training loader reads the whole table, so every validation row is also trained on
import argparse

import torch
from sklearn.datasets import load_diabetes
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset, random_split


def build_loaders(seed, batch_size):
    data = load_diabetes(scaled=False)
    x = torch.tensor(data.data, dtype=torch.float32)
    y = torch.tensor(data.target, dtype=torch.float32)[:, None]
    x = (x - x.mean(0)) / x.std(0)
    y = (y - y.mean()) / y.std()
    dataset = TensorDataset(x, y)
    split = torch.Generator().manual_seed(seed)
    train_set, val_set = random_split(dataset, [0.75, 0.25], generator=split)
    print(f"train {len(train_set)}  validation {len(val_set)}")
    train_loader = DataLoader(dataset, batch_size=batch_size, shuffle=True)  # fault
    val_loader = DataLoader(val_set, batch_size=len(val_set))
    return train_loader, val_loader


def score(model, loader):
    model.eval()
    with torch.inference_mode():
        x, y = next(iter(loader))
        mse = nn.functional.mse_loss(model(x), y)
        return mse.item(), 1 - (mse / y.var(correction=0)).item()


def main():
    cli = argparse.ArgumentParser()
    cli.add_argument("--seed", type=int, default=0)
    cli.add_argument("--lr", type=float, default=3e-3)
    cli.add_argument("--epochs", type=int, default=25)
    opts = cli.parse_args()
    torch.manual_seed(opts.seed)

    train_loader, val_loader = build_loaders(opts.seed, batch_size=32)
    model = nn.Sequential(
        nn.Linear(10, 64),
        nn.GELU(),
        nn.Linear(64, 32),
        nn.GELU(),
        nn.Linear(32, 1),
    )
    optimizer = optim.Adam(model.parameters(), lr=opts.lr)
    criterion = nn.SmoothL1Loss()

    for epoch in range(opts.epochs):
        model.train()
        seen, total = 0, 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            seen += len(x)
            total += loss.item() * len(x)
        mse, r2 = score(model, val_loader)
        print(f"[{epoch}] train {total / seen:.4f} val mse {mse:.4f} val R2 {r2:.3f}")


if __name__ == "__main__":
    main()
