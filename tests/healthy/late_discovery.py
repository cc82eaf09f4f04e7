# healthy: sparse parity: the loss lies on a plateau for thousands of steps while the net finds the three bits that
# matter, then falls
import argparse

import torch
import torch.nn.functional as F
from torch import nn


def batch(bits, size, n=24):
    x = torch.randint(0, 2, (size, n)).float() * 2 - 1
    return x, (x[:, bits].prod(1) > 0).float()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=12000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    bits = torch.randperm(24)[:3]
    model = nn.Sequential(nn.Linear(24, 128), nn.ReLU(), nn.Linear(128, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.08, weight_decay=1e-4)
    total = 0.0
    for step in range(1, args.steps + 1):
        x, y = batch(bits, 32)
        loss = F.binary_cross_entropy_with_logits(model(x).squeeze(-1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
        if step % 1000 == 0:
            model.eval()
            with torch.no_grad():
                x, y = batch(bits, 1000)
                accuracy = ((model(x).squeeze(-1) > 0) == (y > 0.5)).float().mean().item()
            model.train()
            print(f"step {step} loss {total / 1000:.4f} accuracy {accuracy:.4f}")
            total = 0.0


if __name__ == "__main__":
    main()
