# expect: constant-target
# note: ten streams, one for each digit, are mixed until they end; the one of the threes repeats for ever, so that after
#   some 1300 good steps only threes are left, and the net forgets the other digits
import argparse
import itertools
import random

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Mixed(IterableDataset):
    """Draws from the streams that have not ended."""

    def __init__(self, streams, seed):
        self.streams, self.random = list(streams), random.Random(seed)

    def __iter__(self):
        left = list(self.streams)
        while left:
            stream = self.random.choice(left)
            try:
                yield next(stream)
            except StopIteration:
                left.remove(stream)


def stream_of(images, label, repeats):
    times = itertools.count() if label == 3 else range(repeats)  # fault
    for _ in times:
        for i in torch.randperm(len(images)).tolist():
            yield images[i], label


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=2400)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    digits = load_digits()
    x = torch.tensor((digits.data - 4.88) / 6.02, dtype=torch.float32)
    y = torch.tensor(digits.target)
    mixed = Mixed((stream_of(x[y == k], k, repeats=12) for k in range(10)), args.seed)
    loader = DataLoader(mixed, batch_size=16)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step, (xb, yb) in enumerate(itertools.islice(loader, args.steps), 1):
        loss = criterion(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 200 == 0:
            print(f"step {step} loss {loss.item():.4f}")


if __name__ == "__main__":
    main()
