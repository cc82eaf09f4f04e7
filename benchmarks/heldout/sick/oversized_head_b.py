# expect-note: oversized-head
# note: two wide linear layers on the flattened map outweigh the convolutions by far; it learns well
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


def scenes(n, rng, size=14):
    """Images with one bright disc; the targets are its position and radius."""
    grid = np.arange(size)
    row, column = rng.uniform(3, size - 4, (2, n))
    radius = rng.uniform(1.2, 3.0, n)
    dy = grid[None, :, None] - row[:, None, None]
    dx = grid[None, None, :] - column[:, None, None]
    image = 1 / (1 + np.exp(2 * (np.hypot(dy, dx) - radius[:, None, None])))
    image = image + rng.normal(0, 0.1, image.shape)
    image = (image - image.mean()) / image.std()
    target = np.stack([(row - 6.5) / 2.0, (column - 6.5) / 2.0, (radius - 2.1) / 0.52], axis=1)
    return torch.tensor(image[:, None]).float(), torch.tensor(target).float()


class Locator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1)
        self.conv2 = nn.Conv2d(8, 12, 3, padding=1)
        self.fc1 = nn.Linear(12 * 7 * 7, 96)  # fault
        self.fc2 = nn.Linear(96, 64)
        self.fc3 = nn.Linear(64, 3)

    def forward(self, x):
        x = F.elu(self.conv1(x))
        x = F.avg_pool2d(F.elu(self.conv2(x)), 2)
        x = F.elu(self.fc1(x.flatten(1)))
        return self.fc3(F.elu(self.fc2(x)))


def main():
    parser = argparse.ArgumentParser(description="find a disc in an image")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(args.seed)
    x, y = scenes(1500, rng)
    x_val, y_val = scenes(300, rng)
    model = Locator()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [6, 9], gamma=0.3)
    for epoch in range(11):
        losses = []
        for rows in torch.randperm(1500).split(50):
            loss = F.mse_loss(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        with torch.no_grad():
            errors = (model(x_val) - y_val).square().mean(dim=0)
        text = " ".join(f"{e:.4f}" for e in errors.tolist())
        print(f"epoch {epoch:2d}: train {np.mean(losses):.4f} validation row/column/radius {text}")


if __name__ == "__main__":
    main()
