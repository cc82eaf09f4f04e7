# expect: too-small-batch
# accept: noisy-loss, noisy-gradient, lr-too-high, jittery-predictions
# note: one sequence per step; the loss of a step varies over three orders of magnitude and the
#   validation error swings, 32 sequences per step reach a clearly lower error
import argparse

import torch
from torch import nn


def adding_problem(n, length=10):
    """Two marked numbers of a sequence have to be added."""
    values = torch.rand(n, length) * 2 - 1
    marks = torch.zeros(n, length)
    first = torch.randint(length // 2, (n, 1))
    second = torch.randint(length // 2, length, (n, 1))
    marks.scatter_(1, first, 1.0).scatter_(1, second, 1.0)
    target = (values * marks).sum(1) + 0.1 * torch.randn(n)
    return torch.stack([values, marks], dim=-1), target


class Adder(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x):
        _, state = self.gru(x)
        return self.linear(state[-1]).squeeze(1)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=600)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
BATCH = 1  # fault

x, y = adding_problem(6000)
x_val, y_val = adding_problem(500)
model = Adder()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
loss_fn = nn.MSELoss()
losses = []
for step in range(args.steps):
    model.train()
    rows = torch.randint(len(x), (BATCH,))
    optimizer.zero_grad()
    loss = loss_fn(model(x[rows]), y[rows])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    losses.append(loss.item())
    if (step + 1) % 50 == 0:
        model.eval()
        with torch.no_grad():
            val = loss_fn(model(x_val), y_val).item()
        recent = torch.tensor(losses[-50:])
        print(f"step {step + 1} loss {recent.mean():.4f} +- {recent.std():.4f} val {val:.4f}")
