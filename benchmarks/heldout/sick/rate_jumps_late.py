# expect: lr-too-high
# accept: loss-diverges, loss-spikes, huge-updates, exploding-gradient
# note: the decay is written as a factor per phase, with the point misplaced in the third phase: the rate goes up a
#   hundredfold after 5000 steps and what was learnt is lost
import argparse

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

FACTORS = {0: 1.0, 2500: 0.5, 5000: 50.0, 6000: 25.0}  # fault


def factor(step):
    return FACTORS[max(start for start in FACTORS if start <= step)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=7000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    x = ((torch.tensor(digits.data) - 4.88) / 6.02).float()[order]
    y = torch.tensor(digits.target)[order]
    model = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
    for step in range(1, args.steps + 1):
        model.train()
        pick = torch.randint(1400, (16,))
        loss = F.cross_entropy(model(x[pick]), y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        if step % 500 == 0:
            model.eval()
            with torch.no_grad():
                accuracy = (model(x[1400:]).argmax(1) == y[1400:]).float().mean().item()
            print(f"step {step} loss {loss.item():.4f} accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
