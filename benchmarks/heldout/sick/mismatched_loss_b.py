# expect: mismatched-loss
# note: a binary problem with one output column and CrossEntropyLoss: the softmax over one column is
#       always 1, so the loss is exactly 0 from the start and no gradient flows
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def heartbeats(n, rng):
    """Regular and irregular beat intervals; the task is to spot the irregular ones."""
    irregular = rng.integers(0, 2, n)
    jitter = np.where(irregular, 0.25, 0.08)[:, None]
    drift = 0.1 * np.sin(np.linspace(0, 3, 24) + rng.uniform(0, 6, (n, 1)))
    intervals = 0.1 * rng.normal(size=(n, 1)) + drift + jitter * rng.normal(size=(n, 24))
    x = torch.tensor(intervals / 0.23, dtype=torch.float32).unsqueeze(1)
    y = torch.tensor(irregular, dtype=torch.float32).unsqueeze(1)
    return TensorDataset(x, y)


class BeatNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 12, 3),
            nn.ReLU(),
            nn.MaxPool1d(2),
            nn.Conv1d(12, 24, 3),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        )
        self.classifier = nn.Linear(24, 1)

    def forward(self, x):
        return self.classifier(self.features(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    train_loader = DataLoader(heartbeats(1000, rng), batch_size=32, shuffle=True)
    val_loader = DataLoader(heartbeats(256, rng), batch_size=64)
    model = BeatNet()
    criterion = nn.CrossEntropyLoss()  # fault
    optimizer = torch.optim.NAdam(model.parameters(), lr=3e-3)

    for epoch in range(args.epochs):
        model.train()
        train_loss = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)  # fault
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(x) / 1000
        model.eval()
        hits = 0
        with torch.no_grad():
            for x, y in val_loader:
                hits += ((model(x) > 0).float() == y).sum().item()
        print(f"epoch {epoch + 1:2d}/{args.epochs} loss {train_loss:.4f} val acc {hits / 256:.4f}")


if __name__ == "__main__":
    main()
