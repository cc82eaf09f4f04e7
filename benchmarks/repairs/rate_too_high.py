# source: learning rate too high, of 33 rebuilt faults the cause of six: Adam at 0.5 on a convolutional net
# mend: lr: float = 0.5 -> lr: float = 0.002
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split


@dataclass
class Config:
    lr: float = 0.5
    batch_size: int = 50
    epochs: int = 6
    seed: int = 11


def conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, 10),
    )


def main(config: Config) -> None:
    torch.manual_seed(config.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16 - 0.3
    train, val = random_split(TensorDataset(images, torch.tensor(digits.target)), [0.8, 0.2])
    train_loader = DataLoader(train, config.batch_size, shuffle=True)
    val_loader = DataLoader(val, 200)
    model = conv_net()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.lr)
    for epoch in range(config.epochs):
        model.train()
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
        model.eval()
        hits = 0
        with torch.no_grad():
            for x, y in val_loader:
                hits += (model(x).argmax(1) == y).sum().item()
        print(f"epoch {epoch + 1}/{config.epochs} loss {loss.item():.4f} val_acc {hits / len(val):.4f}")


if __name__ == "__main__":
    main(Config())
