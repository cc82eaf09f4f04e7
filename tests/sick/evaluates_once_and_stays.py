# expect: training-in-eval-mode
# note: the first evaluation comes after 5000 steps and leaves the model in eval mode; dropout and batch statistics are
#   off for the rest of the training
import argparse

import torch
from sklearn.datasets import load_digits
from torch import nn


def accuracy(model, x, y):
    model.eval()  # fault
    with torch.no_grad():
        return (model(x).argmax(1) == y).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=9000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    x = ((torch.tensor(digits.data) - 4.88) / 6.02).float()[order]
    y = torch.tensor(digits.target)[order]
    model = nn.Sequential(
        nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.4), nn.Linear(48, 10)
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-4)
    for step in range(1, args.steps + 1):
        pick = torch.randint(1400, (16,))
        loss = criterion(model(x[pick]), y[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 1000 == 0:
            print(f"step {step} loss {loss.item():.4f}")
        if step >= 5000 and step % 2000 == 1000:
            print(f"step {step} accuracy {accuracy(model, x[1400:], y[1400:]):.4f}")


if __name__ == "__main__":
    main()
