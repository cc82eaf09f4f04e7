"""Small real trainings and what a script would log of them: rows for each step, or for each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
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
    return make(x[train], torch.float32), make(y[train], torch.long), make(x[val], torch.float32), make(y[val], torch.long)


def mlp(width: int = 64, dropout: float = 0.0, inputs: int = 64, outputs: int = 10) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width), nn.ReLU(),
                         nn.Dropout(dropout), nn.Linear(width, outputs))  # fmt: skip


def fit(
    model: nn.Module,
    data: tuple[torch.Tensor, ...],
    *,
    optimizer: Callable[[Any], torch.optim.Optimizer],
    epochs: int = 10,
    batch: int = 64,
    loss: Callable[..., torch.Tensor] = F.cross_entropy,
    schedule: Callable[[torch.optim.Optimizer], Any] | None = None,
    per_epoch_schedule: bool = False,
    clip: float | None = None,
    every: int = 1,
    by_step: bool = False,
    accuracy: bool = True,
    augment: float = 0.0,
    seed: int = 0,
    update: bool = True,
    zero: bool = True,
    spoil: Callable[[int, torch.Tensor], torch.Tensor] | None = None,
    names: tuple[str, ...] = ("train_loss", "val_loss", "train_acc", "val_acc"),
) -> Rows:
    """Train; a row for each epoch, or for each `every` steps with one more for each evaluation."""
    torch.manual_seed(seed)
    x, y, vx, vy = data
    opt = optimizer(model.parameters())
    plan = schedule(opt) if schedule else None
    rows: Rows = []
    step = 0
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(x))
        losses, hits = [], 0.0
        model.train()
        for start in range(0, len(x), batch):
            i = order[start : start + batch]
            bx = x[i] + augment * torch.randn_like(x[i]) if augment else x[i]
            out = model(bx)
            value = loss(out, y[i])
            value = spoil(step, value) if spoil else value
            if zero:
                opt.zero_grad()
            value.backward()
            norm = nn.utils.clip_grad_norm_(model.parameters(), clip or 1e30)
            if update:
                opt.step()
            if plan and not per_epoch_schedule:
                plan.step()
            losses.append(float(value.detach()))
            hits += float((out.argmax(-1) == y[i]).sum()) if accuracy else 0.0
            if by_step and step % every == 0:
                row = {"step": step, names[0]: float(np.mean(losses[-every:]))}
                rows.append({**row, "lr": opt.param_groups[0]["lr"], "grad_norm": float(norm)})
            step += 1
        if plan and per_epoch_schedule:
            plan.step()
        model.eval()
        with torch.no_grad():
            out = model(vx)
            held = {names[1]: float(loss(out, vy))}
            if accuracy:
                held[names[3]] = float((out.argmax(-1) == vy).float().mean())
        if by_step:
            rows.append({"step": step - 1, "epoch": epoch, **held})
        else:
            trained = {names[0]: float(np.mean(losses))}
            if accuracy:
                trained[names[2]] = hits / len(x)
            rows.append({"epoch": epoch, **trained, **held, "lr": opt.param_groups[0]["lr"]})
    return rows


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
        b.zero_grad(); d.backward(); b.step()  # noqa: E702
        g = F.softplus(-dis(gen(torch.randn(128, 8)))).mean()
        a.zero_grad(); g.backward(); a.step()  # noqa: E702
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
        opt.zero_grad(); loss.backward(); opt.step()  # noqa: E702
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
        return F.mse_loss(out, b, reduction="none").sum(-1).mean(), 0.5 * (mu**2 + logvar.exp() - 1 - logvar).sum(-1).mean()

    rows = []
    for epoch in range(1, epochs + 1):
        seen = []
        for i in torch.randperm(len(x)).split(64):
            r, k = terms(x[i])
            opt.zero_grad(); (r + k).backward(); opt.step()  # noqa: E702
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
            self.e, self.r, self.o = nn.Embedding(len(letters), 24), nn.GRU(24, 48, batch_first=True), nn.Linear(48, len(letters))

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
        opt.zero_grad(); loss.backward()  # noqa: E702
        norm = nn.utils.clip_grad_norm_(net.parameters(), clip or 1e30)
        opt.step()
        if step % every == 0:
            rows.append({"step": step, "loss": float(loss.detach()), "grad_norm": float(norm), "lr": lr})
        if step % 100 == 0:
            with torch.no_grad():
                vx, vy = batch(cut, len(data))
                rows.append({"step": step, "train loss": float(loss.detach()), "val loss": float(F.cross_entropy(net(vx).flatten(0, 1), vy.flatten()))})
    return rows
