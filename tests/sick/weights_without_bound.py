# expect: growing-weights
# accept: loss-diverges
# note: the decoupled weight decay of a hand-written optimizer has the wrong sign: the weights grow by a fixed share in
#   each step, which is slow enough to let the loss fall at first
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class MomentumW(torch.optim.Optimizer):
    """Gradient descent with momentum and decoupled weight decay."""

    def __init__(self, params, lr, decay, momentum=0.9):
        super().__init__(params, {"lr": lr, "decay": decay, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                mean.mul_(group["momentum"]).add_(p.grad)
                p.mul_(1 + group["lr"] * group["decay"])  # fault
                p.sub_(group["lr"] * mean)


class Normed(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.enter = nn.Linear(64, hidden, bias=False)
        self.norm = nn.LayerNorm(hidden)
        self.out = nn.Linear(hidden, 10)

    def forward(self, x):
        return self.out(torch.relu(self.norm(self.enter(x))))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2800)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor((digits.data - 4.88) / 6.02, dtype=torch.float32)
    y = torch.tensor(digits.target)
    model = Normed()
    criterion = nn.CrossEntropyLoss()
    optimizer = MomentumW(model.parameters(), lr=0.01, decay=0.1)
    for step in range(1, args.steps + 1):
        rows = torch.randint(len(x), (32,))
        loss = criterion(model(x[rows] + torch.randn(32, 64)), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 250 == 0:
            print(f"step {step} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
