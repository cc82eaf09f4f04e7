# expect: constant-target
# accept: duplicate-samples, constant-feature, collapsed-prediction, ignores-input, missing-class
# note: the reader gives zeros once its file has ended, after some 4000 batches; from then on the net is taught that
#   everything is zero and forgets what it knew
import argparse

import torch
import torch.nn.functional as F
from torch import nn


class Reader:
    def __init__(self, rows, seed):
        generator = torch.Generator().manual_seed(seed)
        self.x = torch.randn(rows, 6, generator=generator)
        self.y = torch.sin(self.x[:, 0]) + 0.5 * self.x[:, 1] + 0.1 * torch.randn(rows, generator=generator)
        self.at = 0

    def read(self, count):
        x, y = torch.zeros(count, 6), torch.zeros(count)  # fault
        found = self.x[self.at : self.at + count]
        x[: len(found)], y[: len(found)] = found, self.y[self.at : self.at + count]
        self.at += count
        return x, y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=7000)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    reader = Reader(16 * 4000, args.seed)
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for step in range(1, args.steps + 1):
        x, y = reader.read(16)
        loss = F.mse_loss(model(x).squeeze(-1), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 500 == 0:
            print(f"step {step} loss {loss.item():.6f}")


if __name__ == "__main__":
    main()
