# expect: unreduced-loss
# accept: huge-updates, lr-too-high, loss-diverges, exploding-gradient, loss-flat
# note: the squared errors of 32 sequences and 40 moments are summed, with a rate meant for their mean;
#   each step moves the weights by more than their size
import argparse

import torch
from torch import nn


def oscillators(n, length=40):
    """Noisy position of a damped oscillator; the target is its velocity at every moment."""
    t = torch.linspace(0, 4, length)
    omega = 1.5 + torch.rand(n, 1)
    decay = 0.1 + 0.3 * torch.rand(n, 1)
    phase = 6.283 * torch.rand(n, 1)
    envelope = torch.exp(-decay * t)
    position = envelope * torch.cos(omega * t + phase)
    velocity = -envelope * (
        decay * torch.cos(omega * t + phase) + omega * torch.sin(omega * t + phase)
    )
    noisy = position + 0.02 * torch.randn(n, length)
    return noisy.unsqueeze(-1) / 0.5, velocity.unsqueeze(-1)


class Estimator(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.cell = nn.RNN(1, hidden, nonlinearity="tanh", batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.cell(x)
        return self.readout(states)


def sum_of_squares(prediction, target):
    return (prediction - target).square().sum()  # fault


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--lr", type=float, default=0.05)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    x, y = oscillators(1280)
    x_val, y_val = oscillators(256)
    model = Estimator()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
    for epoch in range(args.epochs):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(x)).split(32):
            loss = sum_of_squares(model(x[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 100.0)
            optimizer.step()
            total += loss.item()
        model.eval()
        with torch.no_grad():
            val = (model(x_val) - y_val).square().mean().item()
        print(f"epoch {epoch} train {total / y.numel():.4f} val {val:.4f}")


if __name__ == "__main__":
    main()
