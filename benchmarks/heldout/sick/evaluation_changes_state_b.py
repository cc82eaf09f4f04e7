# expect: evaluation-changes-state
# note: the hand-made normalisation updates its running mean and variance in every forward, without
#       looking at self.training, so each evaluation moves the buffers towards the validation data
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class RunningNorm(nn.Module):
    """Scales features by running statistics, also in training (steadier than the batch's own)."""

    def __init__(self, n, momentum=0.05):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(n))
        self.register_buffer("var", torch.ones(n))

    def forward(self, x):
        with torch.no_grad():
            self.mean.lerp_(x.mean(0), self.momentum)  # fault
            self.var.lerp_(x.var(0), self.momentum)  # fault
        return (x - self.mean) / (self.var + 1e-5).sqrt()


class FaultDetector(nn.Module):
    def __init__(self, n_sensors, hidden=32):
        super().__init__()
        self.fc1 = nn.Linear(n_sensors, hidden)
        self.norm1 = RunningNorm(hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.norm2 = RunningNorm(hidden)
        self.fc3 = nn.Linear(hidden, 3)

    def forward(self, x):
        x = torch.relu(self.norm1(self.fc1(x)))
        x = torch.relu(self.norm2(self.fc2(x)))
        return self.fc3(x)


def plant_data(n, rng):
    """Six sensors; the state depends on the angle of two hidden loads."""
    load = rng.normal(size=(n, 2))
    state = (np.arctan2(load[:, 1], load[:, 0]) // (2 * np.pi / 3) + 2).astype(int) % 3
    gains = np.array([[1, 0.2], [0.3, 1], [0.7, -0.7], [1, 1], [-0.5, 0.4], [0.1, -1]])
    sensors = load @ gains.T + 0.1 * rng.normal(size=(n, 6))
    return torch.tensor(sensors, dtype=torch.float32), torch.tensor(state)


def evaluate(model, loader):
    model.eval()
    hits = 0
    with torch.no_grad():
        for x, y in loader:
            hits += (model(x).argmax(1) == y).sum().item()
    return hits / len(loader.dataset)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    train_loader = DataLoader(TensorDataset(*plant_data(1200, rng)), batch_size=50, shuffle=True)
    x_val, y_val = plant_data(400, rng)
    order = y_val.argsort(stable=True)
    val_loader = DataLoader(TensorDataset(x_val[order], y_val[order]), batch_size=50)

    model = FaultDetector(6)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(14):
        model.train()
        total = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item() / len(train_loader)
        print(f"epoch {epoch + 1:2d} loss {total:.4f} val acc {evaluate(model, val_loader):.4f}")


if __name__ == "__main__":
    main()
