# healthy: Adam without weight decay, many steps, noisy images; the head and a gate begin at zero: the norms of their
# weights grow a lot, ever more slowly, and the loss has long settled
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


class Gated(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.enter = nn.Linear(64, hidden)
        self.branch = nn.Linear(hidden, hidden)
        self.head = nn.Linear(hidden, 10)
        nn.init.normal_(self.branch.weight, std=1e-3)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x):
        h = torch.relu(self.enter(x))
        return self.head(h + torch.relu(self.branch(h)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor((digits.data - 4.88) / 6.02, dtype=torch.float32)
    y = torch.tensor(digits.target)
    model = Gated()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    total = 0.0
    for step in range(1, args.steps + 1):
        rows = torch.randint(len(x), (32,))
        loss = criterion(model(x[rows] + torch.randn(32, 64)), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        if step % 500 == 0:
            norms = ", ".join(f"{p.norm().item():.2f}" for p in model.parameters() if p.dim() > 1)
            print(f"step {step} loss {total / 500:.4f} norms {norms}")
            total = 0.0


if __name__ == "__main__":
    main()
