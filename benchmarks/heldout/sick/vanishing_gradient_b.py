# expect: badly-scaled-init
# accept: vanishing-gradient, loss-flat, tiny-updates
# note: all weights are drawn with a standard deviation of 0.02; signal and gradient shrink sixfold per
#   tanh layer, the first layers hardly get a gradient and only the mean of the target is learned
import argparse

import torch
import torch.nn.functional as F
from torch import nn


def build(n_in, width, depth, n_out):
    layers = []
    for i in range(depth):
        layers += [nn.Linear(n_in if i == 0 else width, width), nn.Tanh()]
    layers.append(nn.Linear(width, n_out))
    return nn.Sequential(*layers)


def initialise(module):
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, mean=0.0, std=0.02)  # fault
        nn.init.zeros_(module.bias)


def pendulum(n, length=12):
    """Angles of a damped pendulum; the target is where it will be some steps later."""
    state = torch.rand(n, 2) * 2 - 1
    angle, speed = 2 * state[:, 0], 2 * state[:, 1]
    track = []
    for _ in range(length + 6):
        speed = 0.98 * speed - 0.25 * torch.sin(angle)
        angle = angle + 0.25 * speed
        track.append(angle)
    track = torch.stack(track, dim=1)
    return track[:, :length], track[:, -1:]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = pendulum(2500)
    mean, std = x.mean(), x.std()
    x, y = (x - mean) / std, (y - y.mean()) / y.std()
    x, y, x_val, y_val = x[:2000], y[:2000], x[2000:], y[2000:]
    model = build(12, 64, 6, 1)
    model.apply(initialise)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    for step in range(1, args.steps + 1):
        model.train()
        rows = torch.randint(len(x), (40,))
        loss = F.mse_loss(model(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                val = F.mse_loss(model(x_val), y_val).item()
            print(f"step {step} mse {loss.item():.4f} validation {val:.4f}")


if __name__ == "__main__":
    main()
