"""Healthy trainings of the printed logs, many of which look like a fault; `python -m tests.extras.logs.unseen_healthy`.

Writes the rows of all trainings, healthy and sick, for `tests/logs/printed.json.xz`.
"""

from __future__ import annotations

import json
import lzma
import math
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler as schedules

from tests.extras.logs.trainings import adam, digits, mlp, sgd, wave
from tests.extras.logs.unseen import adam_of, by_step, conv, deep, fit, imbalanced, lm, sgd_of

HEALTHY = {}


def healthy(make):
    HEALTHY[make.__name__] = make
    return make


@healthy
def conv_adam():
    return fit(conv(), digits(), optimizer=adam(2e-3), epochs=10)


@healthy
def lm_warm_cosine():
    return lm(schedule=lambda t: min(1, t / 0.1) * 0.5 * (1 + math.cos(math.pi * t)), every=20)


@healthy
def lm_constant():
    return lm(every=10, evaluate=50)


@healthy
def blobs_at_once():
    g = torch.Generator().manual_seed(0)
    y = torch.randint(3, (900,), generator=g)
    c = torch.tensor([[6.0, 0, 0, 0], [0, 6, 0, 0], [0, 0, 6, 0]])
    x = c[y] + torch.randn(900, 4, generator=g) * 0.5
    return fit(mlp(32, inputs=4, outputs=3), (x[:600], y[:600], x[600:], y[600:]), optimizer=adam(3e-3), epochs=12)


@healthy
def dropout_strong():
    return fit(mlp(128, 0.6), digits(), optimizer=adam(2e-3), epochs=30)


@healthy
def augmented():
    return fit(conv(), digits(), optimizer=adam(1e-3), epochs=20, augment=1.0)


@healthy
def rare_class():
    return fit(mlp(32, inputs=10, outputs=2), imbalanced(), optimizer=adam(1e-3), epochs=20)


@healthy
def rare_hard():
    g = torch.Generator().manual_seed(0)
    x, y, vx, vy = imbalanced()
    return fit(
        mlp(32, inputs=10, outputs=2),
        (x + torch.randn(x.shape, generator=g), y, vx + torch.randn(vx.shape, generator=g), vy),
        optimizer=adam(5e-4, 0.1),
        epochs=15,
    )


@healthy
def infonce():
    torch.manual_seed(0)
    x, *_ = digits()
    m = mlp(64, outputs=16)
    o = adam_of(m, 1e-3)
    rows = []
    for s in range(600):
        i = torch.randint(len(x), (64,))
        a, b = (F.normalize(m(x[i] + 0.8 * torch.randn(64, 64)), dim=-1) for _ in "ab")
        value = F.cross_entropy(a @ b.T / 0.5, torch.arange(64))
        o.zero_grad()
        value.backward()
        o.step()
        if s % 20 == 0:
            rows.append({"step": s, "loss": float(value.detach()), "lr": 1e-3})
    return rows


@healthy
def fine_tune():
    m = conv()
    fit(m, digits(), optimizer=adam(2e-3), epochs=12)
    return fit(m, digits(2), optimizer=adam(5e-6), epochs=8)


@healthy
def resumed_well():
    r = fit(mlp(), digits(), optimizer=adam(1e-3), epochs=12, by_step=True, every=4)
    return r[:40] + r[36:]


@healthy
def curriculum():
    m = mlp()
    o = adam_of(m, 1e-3)
    x, y, vx, vy = digits()
    easy = y < 5
    a = by_step(m, (x[easy], y[easy], vx, vy), o, 400, 20, val=100)
    b = by_step(m, (x, y, vx, vy), o, 600, 20, val=100)
    return a + [{**r, "step": r["step"] + 400} for r in b]


@healthy
def pruned():
    m = mlp(128)
    o = adam_of(m, 1e-3)

    def b(s, m, o):
        if s in (400, 700):
            with torch.no_grad():
                for p in m.parameters():
                    if p.ndim > 1:
                        p.mul_(p.abs() > p.abs().flatten().quantile(0.8))

    return by_step(m, digits(), o, 1200, 20, before=b, val=100)


@healthy
def cyclic():
    return fit(
        mlp(),
        digits(),
        optimizer=sgd(0.1, 0.9),
        epochs=20,
        by_step=True,
        every=4,
        schedule=lambda o: schedules.CyclicLR(o, 0.005, 0.2, step_size_up=40),
    )


@healthy
def step_drops():
    return fit(
        conv(),
        digits(),
        optimizer=sgd(0.05, 0.9),
        epochs=30,
        schedule=lambda o: schedules.MultiStepLR(o, [15, 24], 0.1),
        per_epoch_schedule=True,
    )


@healthy
def focal():
    return fit(
        mlp(32, inputs=10, outputs=2),
        imbalanced(),
        optimizer=adam(2e-3),
        epochs=20,
        loss=lambda o, y: (
            (1 - torch.exp(-F.cross_entropy(o, y, reduction="none"))) ** 2 * F.cross_entropy(o, y, reduction="none")
        ).mean(),
    )


@healthy
def noise_floor():
    return fit(
        mlp(16, inputs=4, outputs=1),
        wave(noise=2.5, samples=3000),
        optimizer=adam(2e-3),
        epochs=25,
        loss=F.mse_loss,
        accuracy=False,
    )


@healthy
def slow_sgd():
    return fit(mlp(), digits(), optimizer=sgd(0.02), epochs=40)


@healthy
def dqn_like():
    torch.manual_seed(0)
    net, tgt = mlp(32, inputs=5, outputs=2), mlp(32, inputs=5, outputs=2)
    o = adam_of(net, 2e-3)
    rows = []
    buf = []
    p = 0
    ret = 0
    rets = []
    for s in range(1500):
        st = F.one_hot(torch.tensor(p + 2), 5).float()
        a = int(torch.randint(2, ())) if torch.rand(()) < max(0.05, 1 - s / 800) else int(net(st).argmax())
        q = min(max(p + (1 if a else -1), -2), 2)
        r = 1.0 if q == 2 else -0.1
        ret += r
        buf.append((st, a, r, F.one_hot(torch.tensor(q + 2), 5).float()))
        p = q
        if s % 20 == 19:
            rets.append(ret)
            ret = 0
            p = 0
        if len(buf) > 64:
            k = [buf[j] for j in torch.randint(len(buf), (32,))]
            X = torch.stack([b[0] for b in k])
            Y = torch.stack([b[3] for b in k])
            with torch.no_grad():
                t = torch.tensor([b[2] for b in k]) + 0.9 * tgt(Y).max(1).values
            value = F.mse_loss(net(X).gather(1, torch.tensor([[b[1]] for b in k]))[:, 0], t)
            o.zero_grad()
            value.backward()
            o.step()
            if s % 100 == 0:
                tgt.load_state_dict(net.state_dict())
            if s % 25 == 0:
                rows.append({"step": s, "td_loss": float(value.detach()), "episode_return": rets[-1] if rets else 0.0})
    return rows


@healthy
def grokking_wait():
    torch.manual_seed(0)
    m = deep(nn.Tanh, 3)
    with torch.no_grad():
        for p in m.parameters():
            p.mul_(0.35)
    return by_step(m, digits(), sgd_of(m, 0.1, 0.9), 1500, 25, val=250)


@healthy
def early_stopped():
    r = fit(mlp(128), digits(samples=400), optimizer=adam(1e-3), epochs=60)
    b = int(np.argmin([q["val_loss"] for q in r]))
    return r[: b + 4]


@healthy
def small_val_noise():
    x, y, vx, vy = digits(samples=500)
    return fit(mlp(), (x, y, vx[:30], vy[:30]), optimizer=adam(1e-3), epochs=15)


@healthy
def multitask():
    r = fit(mlp(), digits(), optimizer=adam(1e-3), epochs=15)
    return [{**q, "loss_a": q["loss"] * 0.6, "loss_b": q["loss"] * 0.4} for q in r]


@healthy
def language_floor():
    g = np.random.default_rng(0)
    t = "".join(g.choice(list("abcdefghij"), 9000, p=[0.3, 0.2, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05]))
    return lm(text=t, steps=400, every=10)


@healthy
def tenk_steps():
    m = mlp()
    return by_step(m, digits(), sgd_of(m, 0.05), 4000, 100, val=500)


@healthy
def smooth_labels_acc():
    return fit(
        mlp(), digits(), optimizer=adam(2e-3), epochs=25, loss=lambda o, y: F.cross_entropy(o, y, label_smoothing=0.3)
    )


def write(target: Path) -> None:
    """Train all, and keep their rows with five digits."""
    from tests.extras.logs.unseen_sick import SICK

    found = {}
    for name, make in (*HEALTHY.items(), *((name, make) for name, (make, _) in SICK.items())):
        torch.manual_seed(0)
        rows = [{key: float(f"{value:.5g}") for key, value in row.items()} for row in make()]
        found[name] = {"rows": rows, "says": SICK[name][1] if name in SICK else ""}
        print(name, flush=True)
    target.write_bytes(lzma.compress(json.dumps(found).encode()))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
