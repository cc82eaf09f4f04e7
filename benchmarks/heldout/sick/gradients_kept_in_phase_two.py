# expect: missing-zero-grad
# note: in the second phase (after 5000 steps) gradients are to be accumulated over four batches, but the branch that
#   steps never clears them: each step applies the sum of all gradients of the phase
import argparse

import torch
import torch.nn.functional as F
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=20000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    weights = torch.randn(10, 3)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for step in range(1, args.steps + 1):
        x = torch.randn(16, 10)
        y = (x @ weights + 0.3 * torch.randn(16, 3)).argmax(1)
        loss = F.cross_entropy(model(x), y)
        if step < 5000:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        else:
            (loss / 4).backward()
            if step % 4 == 0:
                optimizer.step()  # fault
        if step % 500 == 0:
            print(f"step {step} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
