# expect: ineffective-clip
# note: the parameters are kept as a generator that the optimizer has already used up, so
#       clip_grad_norm_ gets nothing; about one step in five has a gradient norm over 1.0
import argparse

import torch
from torch import nn


class SumNet(nn.Module):
    """Adds up the two marked numbers of a sequence."""

    def __init__(self, hidden=40):
        super().__init__()
        self.rnn = nn.GRU(2, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.rnn(x)
        return self.readout(out[:, -1]).squeeze(-1)


def make_batch(n, length, generator):
    values = 3.46 * (torch.rand(n, length, generator=generator) - 0.5)
    marks = torch.zeros(n, length)
    half = length // 2
    rows = torch.arange(n)
    first = torch.randint(0, half, (n,), generator=generator)
    second = torch.randint(half, length, (n,), generator=generator)
    marks[rows, first] = 1.0
    marks[rows, second] = 1.0
    target = (values * marks).sum(1) / 1.41
    return torch.stack([values, marks], dim=-1), target


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--clip", type=float, default=1.0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)

    gen = torch.Generator().manual_seed(args.seed + 7)
    x_val, y_val = make_batch(400, 12, gen)
    model = SumNet()
    params = model.parameters()  # fault
    optimizer = torch.optim.SGD(params, lr=0.1, momentum=0.9)
    loss_fn = nn.MSELoss()

    running = 0.0
    for step in range(1, args.steps + 1):
        x, y = make_batch(32, 12, gen)
        loss = loss_fn(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(params, args.clip)  # fault
        optimizer.step()
        running += loss.item()
        if step % 50 == 0:
            model.eval()
            with torch.no_grad():
                val = loss_fn(model(x_val), y_val).item()
            model.train()
            print(f"step {step:4d}  train mse {running / 50:.4f}  val mse {val:.4f}")
            running = 0.0


if __name__ == "__main__":
    main()
