"""More small real trainings, by the step and by the epoch, whose logs no limit was set by."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tests.extras.logs.trainings import fit as fit_

NAMES = ("loss", "val_loss", "acc", "val_acc")


def fit(*a, **k):
    k.setdefault("names", NAMES)
    return fit_(*a, **k)


def conv():
    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 10),
    )


def deep(act, n=12, w=48):
    ls = [nn.Linear(64, w), act()]
    for _ in range(n):
        ls += [nn.Linear(w, w), act()]
    return nn.Sequential(*ls, nn.Linear(w, 10))


TEXT = (
    "to be or not to be that is the question whether tis nobler in the mind to suffer the slings and arrows of "
    "outrageous fortune or to take arms against a sea of troubles and by opposing end them to die to sleep no more "
    "and by a sleep to say we end the heartache and the thousand natural shocks that flesh is heir to tis a "
    "consummation devoutly to be wished "
)


class Letters(nn.Module):
    """Guesses the next letter."""

    def __init__(self, letters, hidden):
        super().__init__()
        self.embedding, self.recurrent = nn.Embedding(letters, 24), nn.GRU(24, hidden, batch_first=True)
        self.out = nn.Linear(hidden, letters)

    def forward(self, x):
        return self.out(self.recurrent(self.embedding(x))[0]).flatten(0, 1)


def piece(data):
    i = torch.randint(0, len(data) - 33, (16,))
    t = torch.stack([data[j : j + 33] for j in i])
    return t[:, :-1], t[:, 1:].flatten()


def lm(steps=600, every=20, lr=3e-3, clip=1.0, text=TEXT * 30, momentum=None, hidden=64, evaluate=100, small=None,
       schedule=lambda done: 1.0):  # fmt: skip
    letters = sorted(set(text))
    data = torch.tensor([letters.index(c) for c in text])
    torch.manual_seed(0)
    net = Letters(len(letters), hidden)
    adam_w = momentum is None
    opt = torch.optim.AdamW(net.parameters(), lr) if adam_w else torch.optim.SGD(net.parameters(), lr, momentum)
    cut = small or int(0.9 * len(data))
    rows, losses = [], []
    for step in range(steps):
        opt.param_groups[0]["lr"] = rate = lr * schedule(step / steps)
        x, y = piece(data[:cut])
        value = F.cross_entropy(net(x), y)
        opt.zero_grad()
        value.backward()
        norm = nn.utils.clip_grad_norm_(net.parameters(), clip or 1e30)
        opt.step()
        losses.append(float(value.detach()))
        if step % every == 0:
            rows.append({"step": step, "loss": float(np.mean(losses[-every:])), "lr": rate, "grad_norm": float(norm)})
        if step % evaluate == 0:
            with torch.no_grad():
                x, y = piece(data[cut:])
                rows.append({"step": step, "val_loss": float(F.cross_entropy(net(x), y))})
    return rows


def by_step(model, data, opt, steps, every, loss=F.cross_entropy, before=None, batch=64, val=None, accuracy=True):
    x, y, vx, vy = data
    rows = []
    losses, hits = [], []
    for s in range(steps):
        if before:
            before(s, model, opt)
        i = torch.randint(len(x), (batch,))
        out = model(x[i])
        value = loss(out, y[i])
        opt.zero_grad()
        value.backward()
        n = nn.utils.clip_grad_norm_(model.parameters(), 1e30)
        opt.step()
        losses.append(float(value.detach()))
        if accuracy:
            hits.append(float((out.argmax(-1) == y[i]).float().mean()))
        if s % every == 0:
            row = {
                "step": s,
                "loss": float(np.mean(losses[-every:])),
                "lr": opt.param_groups[0]["lr"],
                "grad_norm": float(n),
            }
            if accuracy:
                row["acc"] = float(np.mean(hits[-every:]))
            rows.append(row)
        if val and s % val == 0:
            model.eval()
            with torch.no_grad():
                o = model(vx)
                row = {"step": s, "val_loss": float(loss(o, vy))}
                if accuracy:
                    row["val_acc"] = float((o.argmax(-1) == vy).float().mean())
                rows.append(row)
            model.train()
    return rows


def adam_of(m, lr, **k):
    return torch.optim.Adam(m.parameters(), lr, **k)


def sgd_of(m, lr, mo=0.0):
    return torch.optim.SGD(m.parameters(), lr, momentum=mo)


def imbalanced(n=1500, rare=0.05, seed=0, signal=True):
    g = torch.Generator().manual_seed(seed)
    y = (torch.rand(n + 500, generator=g) < rare).long()
    x = torch.randn(n + 500, 10, generator=g)
    if signal:
        x[:, 0] += 2.2 * y
    return x[:n], y[:n], x[n:], y[n:]


class Blind(nn.Module):
    """Its net never sees the input."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x * 0)
