# expect: growing-weights
# accept: lr-too-high, loss-diverges, growing-attention-logits, hockey-stick-loss, loss-spikes, exploding-gradient
# note: the weight decay is subtracted from the gradient of the last layer instead of added to it: the weights grow by a
#   fixed share at each step, slowly at first; the loss blows up after thousands of steps
import argparse

import torch
import torch.nn.functional as F
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=8000)
    parser.add_argument("--decay", type=float, default=0.02)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    weights = torch.randn(10, 4)
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    for step in range(1, args.steps + 1):
        x = torch.randn(16, 10)
        y = (x @ weights + 1.5 * torch.randn(16, 4)).argmax(1)
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                p.grad.sub_(args.decay * p)  # fault
        optimizer.step()
        if step % 500 == 0:
            norm = sum(p.norm().item() for p in model.parameters())
            print(f"step {step} loss {loss.item():.4f} weights {norm:.2f}")


if __name__ == "__main__":
    main()
