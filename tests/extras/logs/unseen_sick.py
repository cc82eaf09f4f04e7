"""Sick trainings of the printed logs; each names what may be said of it, as far as a log can show it."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F
from torch.optim import lr_scheduler as schedules

from tests.extras.logs.trainings import adam, digits, mlp, sgd, wave
from tests.extras.logs.unseen import Blind, adam_of, by_step, conv, deep, fit, imbalanced, lm, sgd_of

SICK = {}


def sick(says):
    def keep(make):
        SICK[make.__name__] = make, says
        return make

    return keep


@sick("lr-too-high loss-flat loss-spikes loss-diverges")
def rate_too_high_lm():
    return lm(lr=8.0, momentum=0.9, clip=None)


@sick("loss-flat lr-too-low")
def chance_loss_only():
    r = fit(mlp(), digits(), optimizer=sgd(1e-6), epochs=20)
    return [{k: v for k, v in q.items() if k in ("epoch", "loss", "val_loss")} for q in r]


@sick("overfitting")
def heart_lm():
    return lm(steps=900, every=50, lr=5e-3, small=300, hidden=128, evaluate=50, clip=None)


@sick("loss-flat collapsed-prediction")
def one_class():
    d = imbalanced()
    net = Blind(mlp(32, inputs=10, outputs=2))
    return fit(net, d, optimizer=adam(1e-3), epochs=20)


@sick("loss-flat collapsed-prediction")
def one_class_ten():
    return fit(Blind(mlp()), digits(), optimizer=adam(3e-3), epochs=18)


@sick("loss-not-finite")
def nan_midway():
    m = mlp(inputs=4, outputs=1)
    d = wave()
    return by_step(
        m,
        d,
        adam_of(m, 1e-3),
        1500,
        100,
        loss=lambda o, y: torch.log(o * 0 + 1 - ((F.mse_loss(o, y) < 0.45) * 2.0)).mean() + F.mse_loss(o, y),
        val=300,
        accuracy=False,
    )


@sick("loss-spikes loss-diverges loss-flat")
def spikes_few():
    m = mlp()
    o = sgd_of(m, 0.3, 0.9)
    r = torch.Generator().manual_seed(1)

    def b(s, m, o):
        if s % 150 == 149:
            with torch.no_grad():
                for p in m.parameters():
                    p.add_(1.5 * torch.randn(p.shape, generator=r))

    return by_step(m, digits(), o, 1500, 25, before=b, val=250)


@sick("lr-decays-early misstepped-scheduler stopped-early")
def decay_per_batch():
    return fit(
        conv(),
        digits(),
        optimizer=sgd(0.003),
        epochs=12,
        by_step=True,
        every=5,
        schedule=lambda o: schedules.StepLR(o, 6, 0.3),
    )


@sick("lr-decays-early misstepped-scheduler stopped-early")
def decay_per_batch_epochs():
    return fit(mlp(), digits(), optimizer=sgd(0.02), epochs=25, schedule=lambda o: schedules.ExponentialLR(o, 0.93))


@sick("leak validation-below-train perfect")
def leak_at_once():
    x, y, vx, vy = digits()
    y, vy = y[torch.randperm(len(y))], vy[torch.randperm(len(vy))]
    x = torch.cat([x[:, :54], F.one_hot(y, 10) * 3.0], 1)
    vx = torch.cat([vx[:, :54], F.one_hot(vy, 10) * 3.0], 1)
    return fit(mlp(), (x, y, vx, vy), optimizer=adam(3e-3), epochs=12)


@sick("validation-below-train")
def val_is_train():
    x, y, _, _ = digits(samples=300)
    y = torch.where(torch.rand(len(y)) < 0.0, y, y)
    return fit(mlp(128, 0.0), (x, y, x[:200], y[:200]), optimizer=adam(2e-3), epochs=40, augment=2.5)


@sick("incomplete-checkpoint")
def resumed_from_scratch():
    model = mlp()
    before = by_step(model, digits(), adam_of(model, 1e-3), 600, 20, val=100)
    model = mlp()  # the checkpoint was not loaded
    after = by_step(model, digits(), adam_of(model, 1e-3), 300, 20, val=100)
    return before + [{**r, "step": r["step"] + 400} for r in after]


@sick("exploding-gradient loss-diverges loss-not-finite loss-spikes")
def rnn_explodes():
    torch.manual_seed(0)

    class R(nn.Module):
        def __init__(s):
            super().__init__()
            s.r = nn.RNN(8, 32, nonlinearity="relu", batch_first=True)
            s.o = nn.Linear(32, 10)

        def forward(s, x):
            return s.o(s.r(x.view(-1, 8, 8))[0][:, -1])

    m = R()
    return by_step(m, digits(), sgd_of(m, 0.25, 0.9), 800, 20, val=100)


@sick("vanishing-gradient loss-flat")
def sigmoid_vanishes():
    torch.manual_seed(0)
    m = deep(nn.Sigmoid)
    return by_step(m, digits(), sgd_of(m, 0.05), 1500, 25, val=250)


@sick("loss-diverges")
def regression_diverges():
    return fit(mlp(inputs=4, outputs=1), wave(), optimizer=sgd(0.16, 0.95), epochs=14, loss=F.mse_loss, accuracy=False)


@sick("overfitting")
def random_labels():
    x, y, vx, vy = digits(samples=600)
    y = y[torch.randperm(len(y))]
    return fit(mlp(128), (x, y, vx, vy), optimizer=adam(2e-3), epochs=30)


@sick("loss-diverges loss-spikes loss-flat lr-too-high")
def rate_jumps():
    m = mlp()
    o = adam_of(m, 1e-3)

    def b(s, m, o):
        o.param_groups[0]["lr"] = 1e-3 if s < 600 else 1.0

    return by_step(m, digits(), o, 1200, 20, before=b, val=100)


@sick("negated-loss")
def negated():
    return fit(mlp(), digits(), optimizer=adam(1e-3), epochs=12, loss=lambda o, y: -F.cross_entropy(o, y))


@sick("loss-diverges loss-flat loss-spikes loss-not-finite")
def kept_gradients():
    return fit(mlp(), digits(), optimizer=sgd(0.1, 0.9), epochs=15, zero=False, by_step=True, every=10)


@sick("overfitting")
def eval_mismatch():
    m = conv()
    for q in m:
        if isinstance(q, nn.BatchNorm2d):
            q.momentum = 1.0
    x, y, vx, vy = digits()
    return fit(m, (x, y, vx * 6 + 4, vy), optimizer=adam(3e-3), epochs=20)


@sick("loss-flat loss-diverges loss-spikes")
def dies_midway():
    m = mlp()
    o = adam_of(m, 1e-3)

    def b(s, m, o):
        if s == 500:
            with torch.no_grad():
                for value in m:
                    if isinstance(value, nn.Linear):
                        value.bias.fill_(-30.0) if value.out_features != 10 else value.bias.zero_()

    return by_step(m, digits(), o, 1500, 20, before=b, val=100)


@sick("loss-flat")
def constant_regression():
    return fit(
        Blind(mlp(inputs=4, outputs=1)), wave(), optimizer=adam(1e-3), epochs=20, loss=F.mse_loss, accuracy=False
    )


@sick("loss-flat")
def double_softmax():
    return fit(mlp(), digits(), optimizer=sgd(0.02), epochs=15, loss=lambda o, y: F.cross_entropy(o.softmax(-1), y))


@sick("lr-too-high loss-flat")
def adam_at_tenth():
    return fit(mlp(), digits(), optimizer=adam(0.3), epochs=25)


@sick("overfitting")
def regression_by_heart():
    return fit(
        mlp(256, inputs=4, outputs=1),
        wave(noise=1.2, samples=100),
        optimizer=adam(3e-3),
        epochs=60,
        loss=F.mse_loss,
        accuracy=False,
    )
