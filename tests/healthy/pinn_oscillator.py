# healthy: physics-informed network for a damped oscillator: no data set, second derivatives
# through autograd.grad, the same collocation points in every step and no validation split
import argparse
import math

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--iterations", type=int, default=1000)
args = parser.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

DAMPING, OMEGA0 = 0.6, 3.0


def exact(t):
    omega = math.sqrt(OMEGA0**2 - DAMPING**2)
    return torch.exp(-DAMPING * t) * (
        torch.cos(omega * t) + DAMPING / omega * torch.sin(omega * t)
    )


class PINN(nn.Module):
    def __init__(self, n_hidden=32, n_layers=2):
        super().__init__()
        layers = [nn.Linear(1, n_hidden), nn.Tanh()]
        for _ in range(n_layers):
            layers += [nn.Linear(n_hidden, n_hidden), nn.Tanh()]
        self.net = nn.Sequential(*layers, nn.Linear(n_hidden, 1))

    def forward(self, t):
        # hard constraint for u(0) = 1, u'(0) = 0
        return 1 + t**2 * self.net(t - 1.0)


def derivative(u, t):
    return torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]


pinn = PINN()
optimizer = torch.optim.Adam(pinn.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.998)
t_physics = torch.linspace(0, 2, 40).view(-1, 1).requires_grad_(True)
t_test = torch.linspace(0, 2, 201).view(-1, 1)

for i in range(1, args.iterations + 1):
    optimizer.zero_grad()
    u = pinn(t_physics)
    dudt = derivative(u, t_physics)
    d2udt2 = derivative(dudt, t_physics)
    residual = d2udt2 + 2 * DAMPING * dudt + OMEGA0**2 * u
    loss = (residual / OMEGA0**2).pow(2).mean()
    loss.backward()
    optimizer.step()
    scheduler.step()
    if i % 200 == 0:
        with torch.no_grad():
            error = (pinn(t_test) - exact(t_test)).abs().max().item()
        print(f"iteration {i}: loss {loss.item():.2e}, max error {error:.4f}")
