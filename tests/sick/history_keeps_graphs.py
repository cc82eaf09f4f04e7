# expect: retained-graph
# note: after a warm-up of 4000 steps the losses themselves are kept for a running mean, each with its whole graph:
#   memory grows step by step
import argparse

import torch
import torch.nn.functional as F
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=8000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    weights = torch.randn(16, 2)
    model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    history = []
    for step in range(1, args.steps + 1):
        x = torch.randn(32, 16)
        y = torch.tanh(x @ weights / 3)
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step > 4000:
            history.append(loss)  # fault
        if step % 1000 == 0:
            mean = sum(history[-1000:]) / 1000 if step > 4000 else loss
            print(f"step {step} loss {mean:.4f}")


if __name__ == "__main__":
    main()
