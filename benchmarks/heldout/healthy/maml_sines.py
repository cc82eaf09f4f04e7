# healthy: meta-learning of sine curves; the inner loop changes a copy of the weights by
# autograd.grad without any optimizer, every step has a new task with its own targets, so the raw
# loss before adaptation stays high
import argparse
import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call, grad, vmap

ap = argparse.ArgumentParser()
ap.add_argument("--seed", type=int, default=0)
ap.add_argument("--inner-lr", type=float, default=0.1)
args = ap.parse_args()
torch.manual_seed(args.seed)
torch.set_num_threads(1)

model = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
STEPS, TASKS, SHOTS = 300, 12, 10
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, STEPS, eta_min=2e-4)


def tasks(n, queries, gen=None):
    amplitude = 0.5 + 1.5 * torch.rand(n, 1, 1, generator=gen)
    phase = math.pi * torch.rand(n, 1, 1, generator=gen)
    x = 4 * torch.rand(n, SHOTS + queries, 1, generator=gen) - 2
    y = amplitude * torch.sin(1.5 * x + phase)
    return x[:, :SHOTS], y[:, :SHOTS], x[:, SHOTS:], y[:, SHOTS:]


def task_loss(params, x, y):
    return F.mse_loss(functional_call(model, params, (x,)), y)


def adapted_loss(params, xs, ys, xq, yq, steps):
    for _ in range(steps):
        g = grad(task_loss)(params, xs, ys)
        params = {k: p - args.inner_lr * g[k] for k, p in params.items()}
    return task_loss(params, xq, yq)


def outer(params, batch, steps):
    return vmap(lambda *b: adapted_loss(params, *b, steps))(*batch)


fixed = tasks(200, 30, torch.Generator().manual_seed(args.seed + 1))


def report(step):
    params = {k: p.detach() for k, p in model.named_parameters()}
    with torch.no_grad():
        scores = [outer(params, fixed, k).mean().item() for k in (0, 1, 3)]
    print(
        "step {:4d} new tasks, after 0/1/3 inner steps: {:.3f} {:.3f} {:.3f}".format(step, *scores)
    )


report(0)
for step in range(STEPS):
    loss = outer(dict(model.named_parameters()), tasks(TASKS, 20), 2).mean()
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    scheduler.step()
    if (step + 1) % 100 == 0:
        report(step + 1)
