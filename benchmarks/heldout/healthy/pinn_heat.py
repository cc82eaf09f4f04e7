# healthy: physics-informed net for the heat equation; no labels at all, second derivatives through
# tanh, Adam followed by LBFGS whose closure runs many times per step, fixed collocation points in
# the second stage
import argparse
import itertools
import math

import torch
from torch import nn

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)
ALPHA = 0.1


def grad(u, v):
    return torch.autograd.grad(u, v, torch.ones_like(u), create_graph=True)[0]


class Field(nn.Module):
    def __init__(self, width=24, depth=3):
        super().__init__()
        sizes = [2] + [width] * depth
        self.hidden = nn.ModuleList(
            nn.Linear(a, b) for a, b in itertools.pairwise(sizes)
        )
        self.out = nn.Linear(width, 1)
        for layer in [*self.hidden, self.out]:
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x, t):
        h = torch.cat([2 * x - 1, 2 * t - 1], 1)
        for layer in self.hidden:
            h = torch.tanh(layer(h))
        return self.out(h)


def exact(x, t):
    k = math.pi
    a = torch.exp(-ALPHA * k**2 * t) * torch.sin(k * x)
    return a + 0.5 * torch.exp(-4 * ALPHA * k**2 * t) * torch.sin(2 * k * x)


def points(n):
    return torch.rand(n, 1).requires_grad_(True), torch.rand(n, 1).requires_grad_(True)


def objective(net, x, t):
    u = net(x, t)
    u_x = grad(u, x)
    residual = grad(u, t) - ALPHA * grad(u_x, x)
    x0 = torch.linspace(0, 1, 40)[:, None]
    initial = net(x0, torch.zeros_like(x0)) - exact(x0, torch.zeros_like(x0))
    edge = torch.cat([net(torch.zeros_like(x0), x0), net(torch.ones_like(x0), x0)])
    return (residual**2).mean() + 10 * (initial**2).mean() + 10 * (edge**2).mean()


def error(net):
    g = torch.linspace(0, 1, 41)
    x, t = (a.reshape(-1, 1) for a in torch.meshgrid(g, g, indexing="ij"))
    with torch.no_grad():
        u = exact(x, t)
        return ((net(x, t) - u).norm() / u.norm()).item()


net = Field()
print(f"relative error before {error(net):.3f}")
adam = torch.optim.Adam(net.parameters(), lr=5e-3)
for step in range(300):
    x, t = points(200)
    adam.zero_grad()
    loss = objective(net, x, t)
    loss.backward()
    adam.step()
    if (step + 1) % 100 == 0:
        print(f"adam {step + 1} loss {loss.item():.5f} relative error {error(net):.4f}")

x, t = points(400)
lbfgs = torch.optim.LBFGS(
    net.parameters(), max_iter=20, history_size=20, line_search_fn="strong_wolfe"
)


def closure():
    lbfgs.zero_grad()
    loss = objective(net, x, t)
    loss.backward()
    return loss


for step in range(8):
    loss = lbfgs.step(closure)
    print(f"lbfgs {step + 1} loss {loss.item():.6f} relative error {error(net):.4f}")
