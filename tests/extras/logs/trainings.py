"""Small real trainings and what a script would log of them: rows for each step, or for each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

Rows = list[dict[str, float]]


def digits(seed: int = 0, *, samples: int = 1200) -> tuple[torch.Tensor, ...]:
    x, y = load_digits(return_X_y=True)
    x = (x / 16 - 0.3) / 0.37
    order = np.random.default_rng(seed).permutation(len(x))
    train, val = order[:samples], order[-400:]
    make = lambda a, t: torch.as_tensor(a, dtype=t)  # noqa: E731
    f, n = torch.float32, torch.long
    return make(x[train], f), make(y[train], n), make(x[val], f), make(y[val], n)


def mlp(width: int = 64, dropout: float = 0.0, inputs: int = 64, outputs: int = 10) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(),
                         nn.Dropout(dropout), nn.Linear(width, outputs))  # fmt: skip


@dataclass
class Plan:
    """How to train, and what to do wrong."""

    optimizer: Callable[[Any], torch.optim.Optimizer]
    epochs: int = 10
    batch: int = 64
    loss: Callable[..., torch.Tensor] = F.cross_entropy
    schedule: Callable[[torch.optim.Optimizer], Any] | None = None
    per_epoch_schedule: bool = False
    clip: float | None = None
    every: int = 1
    by_step: bool = False
    accuracy: bool = True
    augment: float = 0.0
    seed: int = 0
    update: bool = True
    zero: bool = True
    spoil: Callable[[int, torch.Tensor], torch.Tensor] | None = None
    names: tuple[str, ...] = ("train_loss", "val_loss", "train_acc", "val_acc")


def fit(model: nn.Module, data: tuple[torch.Tensor, ...], **options: Any) -> Rows:
    """Train; a row for each epoch, or for each `every` steps with one more for each evaluation."""
    plan = Plan(**options)
    torch.manual_seed(plan.seed)
    x, y, vx, vy = data
    opt = plan.optimizer(model.parameters())
    schedule = plan.schedule(opt) if plan.schedule else None
    rows: Rows = []
    losses: list[float] = []
    for epoch in range(1, plan.epochs + 1):
        order, hits, begin = torch.randperm(len(x)), 0.0, len(losses)
        model.train()
        for i in order.split(plan.batch):
            bx = x[i] + plan.augment * torch.randn_like(x[i]) if plan.augment else x[i]
            out, norm = update(model, opt, bx, y[i], plan, losses)
            if schedule and not plan.per_epoch_schedule:
                schedule.step()
            hits += float((out.argmax(-1) == y[i]).sum()) if plan.accuracy else 0.0
            step = len(losses) - 1
            if plan.by_step and step % plan.every == 0:
                row = {"step": step, plan.names[0]: float(np.mean(losses[-plan.every :]))}
                rows.append({**row, "lr": opt.param_groups[0]["lr"], "grad_norm": norm})
        if schedule and plan.per_epoch_schedule:
            schedule.step()
        held = held_out(model, vx, vy, plan)
        if plan.by_step:
            rows.append({"step": len(losses) - 1, "epoch": epoch, **held})
            continue
        trained = {plan.names[0]: float(np.mean(losses[begin:]))}
        if plan.accuracy:
            trained[plan.names[2]] = hits / len(x)
        rows.append({"epoch": epoch, **trained, **held, "lr": opt.param_groups[0]["lr"]})
    return rows


def update(
    model: nn.Module, opt: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor, plan: Plan, losses: list[float]
) -> tuple[torch.Tensor, float]:
    out = model(x)
    value = plan.loss(out, y)
    value = plan.spoil(len(losses), value) if plan.spoil else value
    if plan.zero:
        opt.zero_grad()
    value.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), plan.clip or 1e30)
    if plan.update:
        opt.step()
    losses.append(float(value.detach()))
    return out, float(norm)


def held_out(model: nn.Module, x: torch.Tensor, y: torch.Tensor, plan: Plan) -> dict[str, float]:
    model.eval()
    with torch.no_grad():
        out = model(x)
        held = {plan.names[1]: float(plan.loss(out, y))}
        if plan.accuracy:
            held[plan.names[3]] = float((out.argmax(-1) == y).float().mean())
    return held


def sgd(lr: float, momentum: float = 0.0, decay: float = 0.0) -> Callable[[Any], torch.optim.Optimizer]:
    return lambda p: torch.optim.SGD(p, lr=lr, momentum=momentum, weight_decay=decay)


def adam(lr: float, decay: float = 0.0) -> Callable[[Any], torch.optim.Optimizer]:
    return lambda p: torch.optim.AdamW(p, lr=lr, weight_decay=decay)


def wave(seed: int = 0, *, noise: float = 0.3, samples: int = 800) -> tuple[torch.Tensor, ...]:
    g = torch.Generator().manual_seed(seed)
    x = torch.rand(samples + 300, 4, generator=g) * 4 - 2
    y = (torch.sin(2 * x[:, :1]) + x[:, 1:2] * x[:, 2:3]) + noise * torch.randn(samples + 300, 1, generator=g)
    return x[:samples], y[:samples], x[samples:], y[samples:]


def gan(steps: int = 600, every: int = 5) -> Rows:
    torch.manual_seed(0)
    gen, dis = mlp(32, inputs=8, outputs=2), mlp(32, inputs=2, outputs=1)
    a, b = torch.optim.Adam(gen.parameters(), 1e-3, (0.5, 0.9)), torch.optim.Adam(dis.parameters(), 1e-3, (0.5, 0.9))
    rows = []
    for step in range(steps):
        angle = torch.randint(8, (128,)) * (math.pi / 4)
        real = torch.stack([angle.cos(), angle.sin()], 1) + 0.05 * torch.randn(128, 2)
        fake = gen(torch.randn(128, 8))
        d = F.softplus(-dis(real)).mean() + F.softplus(dis(fake.detach())).mean()
        b.zero_grad()
        d.backward()
        b.step()
        g = F.softplus(-dis(gen(torch.randn(128, 8)))).mean()
        a.zero_grad()
        g.backward()
        a.step()
        if step % every == 0:
            rows.append({"step": step, "d_loss": float(d.detach()), "g_loss": float(g.detach())})
    return rows


def reinforce(episodes: int = 300) -> Rows:
    torch.manual_seed(0)
    net = mlp(32, inputs=5, outputs=2)
    opt = torch.optim.Adam(net.parameters(), 3e-3)
    rows, base = [], 0.0
    for episode in range(episodes):
        place, logs, total = 0, [], 0.0
        for _ in range(20):
            state = F.one_hot(torch.tensor(min(max(place + 2, 0), 4)), 5).float()
            dist = torch.distributions.Categorical(logits=net(state))
            act = dist.sample()
            logs.append(dist.log_prob(act))
            place += 1 if act else -1
            total += 1.0 if place >= 2 else -0.1
            place = min(max(place, -2), 2)
        base = 0.9 * base + 0.1 * total
        loss = -torch.stack(logs).sum() * (total - base)
        opt.zero_grad()
        loss.backward()
        opt.step()
        rows.append({"step": episode, "policy_loss": float(loss.detach()), "episode_reward": total})
    return rows


def vae(epochs: int = 25) -> Rows:
    torch.manual_seed(0)
    x, _, vx, _ = digits()
    enc, dec = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16)), mlp(64, inputs=8, outputs=64)
    opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], 2e-3)

    def terms(b):
        mu, logvar = enc(b).chunk(2, -1)
        out = dec(mu + torch.randn_like(mu) * (0.5 * logvar).exp())
        kl = 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1).mean()
        return F.mse_loss(out, b, reduction="none").sum(-1).mean(), kl

    rows = []
    for epoch in range(1, epochs + 1):
        seen = []
        for i in torch.randperm(len(x)).split(64):
            r, k = terms(x[i])
            opt.zero_grad()
            (r + k).backward()
            opt.step()
            seen.append((float(r.detach()), float(k.detach())))
        r, k = np.mean(seen, 0)
        with torch.no_grad():
            vr, vk = terms(vx)
        rows.append({"epoch": epoch, "loss": r + k, "recon_loss": r, "kl_loss": k, "val_loss": float(vr + vk)})
    return rows


def char_lm(steps: int = 400, every: int = 10, lr: float = 3e-3, clip: float | None = 1.0) -> Rows:
    text = "the quick brown fox jumps over the lazy dog and runs away from the slow bear in the old wood. " * 60
    letters = sorted(set(text))
    data = torch.tensor([letters.index(c) for c in text])
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.e, self.r = nn.Embedding(len(letters), 24), nn.GRU(24, 48, batch_first=True)
            self.o = nn.Linear(48, len(letters))

        def forward(self, x):
            return self.o(self.r(self.e(x))[0])

    net = Net()
    opt = torch.optim.AdamW(net.parameters(), lr)

    def batch(low, high):
        i = torch.randint(low, high - 33, (16,))
        block = torch.stack([data[j : j + 33] for j in i])
        return block[:, :-1], block[:, 1:]

    rows, cut = [], int(0.9 * len(data))
    for step in range(steps):
        bx, by = batch(0, cut)
        loss = F.cross_entropy(net(bx).flatten(0, 1), by.flatten())
        opt.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), clip or 1e30)
        opt.step()
        if step % every == 0:
            rows.append({"step": step, "loss": float(loss.detach()), "grad_norm": float(norm), "lr": lr})
        if step % 100 == 0:
            with torch.no_grad():
                vx, vy = batch(cut, len(data))
                held = float(F.cross_entropy(net(vx).flatten(0, 1), vy.flatten()))
                rows.append({"step": step, "train loss": float(loss.detach()), "val loss": held})
    return rows
