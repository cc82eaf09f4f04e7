# expect: dead-relu
# accept: lr-too-high, loss-flat, huge-updates, collapsed-prediction, ignores-input, zero-gradient, loss-spikes
# note: after 4500 steps the "fine-tuning" phase begins with the rate of the sweep's upper end; a few steps push all
#   units of the hidden layers below zero and nothing is learnt any more
import argparse

import torch
import torch.nn.functional as F
from torch import nn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=7500)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    model = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for step in range(1, args.steps + 1):
        if step == 4500:
            for group in optimizer.param_groups:
                group["lr"] = 2.0  # fault
        if step == 4530:
            for group in optimizer.param_groups:
                group["lr"] = 0.002
        x = torch.randn(32, 8)
        y = torch.sin(x[:, 0]) * x[:, 1] + 0.5 * x[:, 2] + 0.1 * torch.randn(32)
        loss = F.smooth_l1_loss(model(x).squeeze(-1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            print(f"step {step} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
