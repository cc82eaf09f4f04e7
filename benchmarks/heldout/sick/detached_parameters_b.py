# expect: detached-parameters
# note: the median pooling takes the feature maps through numpy, which cuts the graph; the
#       convolutions get no gradient and only the classifier behind the pooling is trained
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

LENGTH = 48
KINDS = 4


class RobustPool(nn.Module):
    """Keeps the median and the 90 % quantile of every channel."""

    def forward(self, maps):
        values = maps.detach().numpy()  # fault
        stats = np.concatenate([np.median(values, axis=2), np.quantile(values, 0.9, axis=2)], 1)
        return torch.from_numpy(stats.astype(np.float32))  # fault


class EventNet(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.conv1 = nn.Conv1d(1, channels, 5, padding=2)
        self.conv2 = nn.Conv1d(channels, channels, 5, padding=2)
        self.pool = RobustPool()
        self.fc = nn.Linear(2 * channels, KINDS)

    def forward(self, x):
        h = F.relu(self.conv1(x))
        h = F.relu(self.conv2(h))
        return self.fc(self.pool(h))


def records(n, rng):
    """Pulse trains that differ in pulse shape: spike, step, ramp up, ramp down."""
    shapes = np.array(
        [[0, 0, 3, 0, 0], [1.2, 1.2, 1.2, 1.2, 0], [0.5, 1, 1.5, 2, 0], [2, 1.5, 1, 0.5, 0]]
    )
    kind = rng.integers(0, KINDS, n)
    x = 0.2 * rng.normal(size=(n, LENGTH))
    for i, k in enumerate(kind):
        start = rng.integers(0, 3)
        for pos in range(start, LENGTH - 5, 6):
            x[i, pos : pos + 5] += shapes[k]
    x = (x - x.mean()) / x.std()
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.tensor(kind)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)

    x_train, y_train = records(900, rng)
    x_val, y_val = records(240, rng)
    model = EventNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for epoch in range(8):
        model.train()
        total = 0.0
        for idx in torch.randperm(900).split(30):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x_train[idx]), y_train[idx])
            loss.backward()
            optimizer.step()
            total += loss.item() / 30
        model.eval()
        with torch.no_grad():
            acc = (model(x_val).argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch + 1}: loss {total:.4f}  accuracy {acc:.4f}")


if __name__ == "__main__":
    main()
