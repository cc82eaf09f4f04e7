# expect: detached-loss
# accept: missing-step, zero-gradient
# note: the summed loss is wrapped in a new tensor with requires_grad, which has no link to the
#   model; nothing is trained
import argparse

import numpy as np
import torch
from torch import nn


def make_data(n, rng):
    t = np.linspace(0, 1, 40)
    freq = rng.uniform(2, 6, size=(n, 1))
    phase = rng.uniform(0, 2 * np.pi, size=(n, 1))
    sig = np.sin(2 * np.pi * freq * t + phase) + 0.1 * rng.normal(size=(n, 40))
    goal = (freq - 4.0) / 1.2
    return torch.tensor(sig, dtype=torch.float32), torch.tensor(goal, dtype=torch.float32)


class Estimator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 12, 7, padding=3)
        self.head = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, s):
        h = torch.relu(self.conv(s.unsqueeze(1)))
        return self.head(h.mean(dim=2))


def total_loss(pred, goal, model, alpha=1e-5):
    mse = ((pred - goal) ** 2).mean()
    l2 = sum(p.pow(2).sum() for p in model.parameters())
    return torch.tensor([mse, alpha * l2], requires_grad=True).sum()  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x, y = make_data(800, rng)
    xv, yv = make_data(200, rng)
    model = Estimator()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for epoch in range(16):
        model.train()
        running = []
        for idx in torch.randperm(len(x)).split(40):
            optimizer.zero_grad()
            loss = total_loss(model(x[idx]), y[idx], model)
            loss.backward()
            optimizer.step()
            running.append(loss.item())
        model.eval()
        with torch.no_grad():
            mae = (model(xv) - yv).abs().mean()
        print(f"epoch {epoch + 1:2d}: loss {np.mean(running):.4f}  val mae {mae:.4f}")


if __name__ == "__main__":
    main()
