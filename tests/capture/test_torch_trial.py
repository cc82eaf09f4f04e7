"""What is found out on copies when a run goes wrong: other rates, the first NaN, steps that never repeat."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from netvet.capture import torch_trial
from netvet.capture.torch_probe_layers import symmetric_units
from netvet.capture.torch_probe_mixing import batch_mixing
from netvet.capture.torch_probe_repeat import lr_probe, step_repeat
from netvet.capture.torch_probe_table import PROBES
from netvet.capture.torch_trial import harmed, learn_step

X = torch.randn(200, 8, generator=torch.Generator().manual_seed(1))
Y = (X[:, 0] > 0).long()


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 2))


def train(lr, steps=60, clip=None):
    model = net()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for _ in range(steps):
        rows = torch.randint(200, (16,))
        optimizer.zero_grad()
        functional.cross_entropy(model(X[rows]), Y[rows]).backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


def test_the_copy_at_the_script_s_own_rate_does_exactly_as_the_run(watch):
    (record,) = watch(lambda: train(4.0, clip=5.0)).get("lr_trial")
    assert record["losses"][0] == record["own"]
    assert record["steps"] == 60
    assert record["losses"][1] < record["own"]


def test_the_weights_are_those_of_a_run_without_a_trial(watch):
    with_trial: list[torch.Tensor] = []
    watch(lambda: with_trial.extend(train(4.0)))
    assert all(torch.equal(a, b) for a, b in zip(with_trial, train(4.0), strict=True))


def trial_multiples(monkeypatch, tails):
    """The rates that are tried where their results are these; the run itself came to 1."""
    monkeypatch.setattr(torch_trial, "_tail", lambda losses, count: losses[0] if losses else None)
    collector = torch_trial.TrialCollector(SimpleNamespace(options={}))
    collector._program = SimpleNamespace(model=net(), parameters=[])
    collector._make = (None, [], [], "SGD")
    collector._kept = [torch_trial._Kept({}, [1.0], None, torch.tensor(1.0))] * 40
    asked: list[float] = []

    def result(program, make, steps, multiple, warmup, until):
        asked.extend([] if warmup else [multiple])
        return [tails[multiple]] * len(steps)

    monkeypatch.setattr(collector, "_train", result)
    assert collector._try([1.0] * 8) is not None
    return asked


def test_a_rate_between_is_tried_where_a_tenth_is_better_but_slow(monkeypatch):
    results = {1.0: 1.0, 0.3: 0.3, 0.01: 0.9}
    assert trial_multiples(monkeypatch, {**results, 0.1: 0.2}) == [1.0, 0.1]
    assert trial_multiples(monkeypatch, {**results, 0.1: 0.7}) == [1.0, 0.1, 0.3, 0.01]
    assert trial_multiples(monkeypatch, {**results, 0.1: 1.2}) == [1.0, 0.1, 0.01]


def test_the_step_is_kept_for_the_trial_before_any_probe_that_takes_long():
    probes = [probe for _, probe in PROBES]
    assert probes.index(learn_step) < min(map(probes.index, (batch_mixing, symmetric_units, step_repeat, lr_probe)))


def test_harm_is_a_loss_that_jumps_or_stays_high_and_not_one_that_falls():
    falling = [2.3 * 0.95**i for i in range(100)]
    assert not harmed(falling, falling)
    assert harmed([*falling, 9.0], falling)
    assert harmed([2.3] * 100, [2.3] * 100)
    assert harmed([*falling, math.nan], falling)
    assert not harmed([-v for v in falling], [-v for v in falling])


def distance(a, b, bad):
    return ((a - (a.clone() if bad else b)) ** 2).sum(1).sqrt().mean()


def log_of_softmax(a, b, bad):
    return -torch.log(torch.softmax((1e5 if bad else 1.0) * (a - b), 1))[:, 0].mean()


def mean_of_few(a, b, bad):
    kept = (a[:, 0] > (1e9 if bad else -1e9)).float()
    return ((a - b)[:, 0].square() * kept).sum() / kept.sum()


@pytest.mark.parametrize(
    ("loss_of", "op", "phase"),
    [(distance, "Sqrt", "backward"), (log_of_softmax, "Log", "forward"), (mean_of_few, "Div", "forward")],
)
def test_the_first_operation_that_is_not_finite_is_found(watch, loss_of, op, phase):
    def run():
        model = net()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        for step in range(7):
            loss = loss_of(model(X[:16]), model(X[16:32]), step == 5)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    (record,) = watch(run).get("first_non_finite")
    assert (record["step"], record["op"], record["phase"], record["from_weights"]) == (5, op, phase, False)
    assert record["operand_min"] == 0.0
    assert record["file"].endswith("test_torch_trial.py")


class Noisy(nn.Linear):
    """Adds noise from a numpy generator."""

    def __init__(self, seed):
        super().__init__(8, 2)
        self.seed, self.rng = seed, np.random.default_rng(0)

    def forward(self, x):
        rng = np.random.default_rng() if self.seed is None else self.rng
        return super().forward(x) + torch.from_numpy(rng.normal(size=(len(x), 2))).float()


def noisy(seed):
    torch.manual_seed(0)
    model = Noisy(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        functional.cross_entropy(model(X), Y).backward()
        optimizer.step()


def test_a_step_with_noise_of_no_seed_differs_and_the_source_is_named(watch):
    (record,) = watch(lambda: noisy(None)).get("step_repeat")
    assert record["equal"] is False
    assert record["source"] == "a numpy generator without a seed"
    assert record["line"]


def test_a_generator_that_goes_on_from_its_seed_is_no_difference(watch):
    assert not any(r["equal"] is False for r in watch(lambda: noisy(3)).get("step_repeat") or ())
