# expect: badly-scaled-init
# accept: saturated-activation, vanishing-gradient
# note: the weights are drawn from N(0, 3); all hidden sigmoids start at 0 or 1 and their derivative is
#   nearly zero, so the hidden layers hardly change
import argparse
import itertools

import numpy as np
import torch
from torch import nn


class SigmoidNet(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.layers = nn.ModuleList()
        for n_in, n_out in itertools.pairwise(sizes[:-1]):
            layer = nn.Linear(n_in, n_out)
            layer.weight.data.normal_(0, 3.0)  # fault
            layer.bias.data.zero_()
            self.layers.append(layer)
        self.top = nn.Linear(sizes[-2], sizes[-1])

    def forward(self, x):
        for layer in self.layers:
            x = torch.sigmoid(layer(x)) * 2 - 1
        return self.top(x)


def wave(rng, n):
    x = rng.uniform(-1, 1, (n, 3)).astype(np.float32)
    y = np.sin(2 * x[:, 0] + x[:, 1]) + 0.5 * x[:, 1] * x[:, 2] + 0.3 * x[:, 2]
    return torch.from_numpy(x / 0.577), torch.from_numpy(y.astype(np.float32)[:, None] / 0.75)


parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--steps", type=int, default=600)
args = parser.parse_args()
rng = np.random.default_rng(args.seed)
torch.manual_seed(args.seed)
torch.set_num_threads(1)

x, y = wave(rng, 1500)
x_val, y_val = wave(rng, 400)
model = SigmoidNet([3, 40, 40, 40, 1])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
loss_fn = nn.MSELoss()
print(f"target variance {y_val.var().item():.3f}")
for step in range(1, args.steps + 1):
    rows = torch.randint(len(x), (50,))
    optimizer.zero_grad()
    loss = loss_fn(model(x[rows]), y[rows])
    loss.backward()
    optimizer.step()
    if step % 60 == 0:
        with torch.no_grad():
            val = loss_fn(model(x_val), y_val).item()
        print(f"step {step} mse {loss.item():.4f} validation {val:.4f}")
