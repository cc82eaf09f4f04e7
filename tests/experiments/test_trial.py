"""The engine: what twins share, what a trial leaves as it was, and how it ends."""

import math
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

from netvet.core import NetvetError
from netvet.experiments import changes
from netvet.experiments.trial import Result, Trial, run_trial
from tests.experiments.small_problems import blobs, net, problem, random_state, same, state_of


class Seen:
    """A step that keeps what it was given and what it drew."""

    def __init__(self):
        self.all = []

    def __call__(self, model, batch):
        drawn = (torch.rand(()).item(), np.random.rand(), random.random())
        output = model(batch[0])
        if model.training:
            self.all.append((batch[0].clone(), drawn, (output == 0).tolist()))
        return cross_entropy(output, batch[1]), output


def seen_by(changed, seed=0, **given):
    step = Seen()
    found = problem(loss=None, step=step, **given)
    step.all.clear()
    run_trial(found, Trial(12, seed, changed))
    return step.all


class Dropped(nn.Module):
    """Its outputs are zero where dropout struck."""

    def __init__(self):
        super().__init__()
        self.layer, self.dropout = nn.Linear(2, 3), nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(self.layer(x))


@pytest.mark.parametrize("changed", [{"lr-factor": 3.0}, {"weight-decay": 0.1}, {"warmup": 4}, {"clipping": 0.1}])
def test_twins_see_the_same_batches_and_draw_the_same(changed):
    plain, twin = seen_by({}, model=Dropped), seen_by(changed, model=Dropped)
    assert len(plain) == 12
    assert same(plain, twin)  # the very same samples, random numbers and dropped units
    other = seen_by({}, seed=1, model=Dropped)
    assert not same(plain[0][0], other[0][0])
    assert plain[0][1] != other[0][1]


def test_twins_draw_the_same_though_their_models_are_made_otherwise():
    def make():
        torch.rand(7)
        return Dropped()

    assert [drawn for _, drawn, _ in seen_by({}, model=Dropped)] == [drawn for _, drawn, _ in seen_by({}, model=make)]


def test_the_same_trial_gives_the_same_result():
    found = problem(model=lambda: net(0.3))
    one, other = (run_trial(found, Trial(20, 3)) for _ in range(2))
    assert (one.losses, one.train, one.val) == (other.losses, other.train, other.val)
    assert one.tail() < one.start
    assert one.val.name == "accuracy"
    assert one.val.samples == 48


def test_leaves_generators_and_grad_mode_as_they_were():
    found, numbers = problem(), random_state()
    with torch.no_grad():
        run_trial(found, Trial(5))
        assert not torch.is_grad_enabled()
    assert random_state() == numbers


def test_leaves_generators_as_they_were_when_the_step_raises():
    def step(model, batch):
        output = model(batch[0])
        if float(torch.rand(())) < 2 and len(batch[0]) == 16 and model.training and step.armed:
            raise ValueError("no such thing")
        return cross_entropy(output, batch[1]), output

    step.armed = False
    found, numbers = problem(loss=None, step=step), random_state()
    step.armed = True
    result = run_trial(found, Trial(5))
    assert (result.ended, result.error, result.tail()) == ("failed", "ValueError: no such thing", math.inf)
    assert random_state() == numbers


def test_does_not_touch_the_problem():
    model = net()
    found = problem(model=model)
    before, batches = state_of(found.learner(0).model), [dict(b) for b in found.train.batches]
    for name in ("shuffled-targets", "zeroed-inputs", "unregularised"):
        run_trial(found, Trial(5, 0, {name: True}))
    assert same(before, state_of(found.learner(0).model))
    assert same(batches, [dict(b) for b in found.train.batches])
    assert model[0].weight.grad is None


def test_a_frozen_norm_layer_stays_in_evaluation_mode():
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    model[1].eval()
    modes = []

    def step(model, batch):
        modes.append([m.training for m in model.modules()])
        output = model(batch[0])
        return cross_entropy(output, batch[1]), output

    found = problem(model=model, loss=None, step=step)
    modes.clear()
    run_trial(found, Trial(2))
    assert modes[:2] == [[True, True, False, True, True]] * 2
    assert not any(modes[2])  # scored


def test_scores_in_evaluation_mode_on_batches_of_another_size():
    x, y = blobs(50, 3)
    result = run_trial(problem(val=[(x[:7], y[:7]), (x[7:], y[7:])], model=lambda: net(0.9)), Trial(60))
    assert result.val.samples == 50
    assert result.val.score > 0.9


def test_the_loss_of_a_split_is_the_mean_over_its_samples():
    x, y = blobs(50, 3)
    found = problem(val=[(x[:7], y[:7]), (x[7:], y[7:])])
    result = run_trial(found, Trial(1, 0, {"lr": 0.0}))
    expected = cross_entropy(found.learner(0).model(x).double(), y)
    assert result.val.loss == pytest.approx(expected.item(), rel=1e-6)


def test_a_step_that_takes_derivatives_itself_is_scored_too():
    class Oscillator(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))

        def forward(self, t):
            return self.layers(t)

    def step(model, batch):
        t = batch.clone().requires_grad_()
        u = model(t)
        (slope,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        return (slope + u).square().mean() + (model(torch.zeros(1, 1)) - 1).square().mean()

    found = problem(model=Oscillator, train=[torch.rand(16, 1) for _ in range(5)], val=None, loss=None, step=step)
    result = run_trial(found, Trial(10))
    assert result.ended == "steps"
    assert result.val.loss > 0


def test_lbfgs_gets_its_closure():
    found = problem(optimizer=lambda model: torch.optim.LBFGS(model.parameters(), max_iter=4))
    result = run_trial(found, Trial(8))
    assert result.ended == "steps"
    assert result.tail() < result.start


def test_ends_when_it_is_decided_out_of_time_or_diverged():
    found = problem()
    assert run_trial(found, Trial(500, until=0.2)).ended == "decided"
    assert len(run_trial(found, Trial(500, until=0.2)).losses) < 500
    late = run_trial(found, Trial(50), seconds=0.0)
    assert (late.ended, late.losses) == ("time", ())
    wild = run_trial(
        problem(train=(blobs()[0], torch.randn(96, 1)), model=lambda: nn.Linear(2, 1), loss=mse_loss, val=None),
        Trial(400, 0, {"lr": 1e3}),
    )
    assert wild.ended == "diverged"
    assert wild.tail() == math.inf


@pytest.mark.parametrize(
    "error", [MemoryError, torch.OutOfMemoryError, RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_is_told_as_such(error):
    def step(model, batch):
        if len(batch[0]) > 16:
            raise error
        output = model(batch[0])
        return cross_entropy(output, batch[1]), output

    found = problem(loss=None, step=step, val=blobs(16, 1))
    assert run_trial(found, Trial(5)).ended == "steps"
    result = run_trial(found, Trial(5, 0, {"batch-size": 32}))
    assert (result.ended, result.error) == ("failed", "out of memory")


def test_an_unknown_change_is_an_error_of_the_caller():
    with pytest.raises(NetvetError, match="no such change: 'leraning-rate'"):
        run_trial(problem(), Trial(5, 0, {"leraning-rate": 1.0}))


def test_the_order_of_changes_counts():
    one, other = Trial(5, 0, {"lr": 0.1, "lr-factor": 10.0}), Trial(5, 0, {"lr-factor": 10.0, "lr": 0.1})
    assert one.key != other.key
    assert run_trial(problem(), one).losses != run_trial(problem(), other).losses


def test_the_tail_is_the_mean_of_the_last_fifth():
    assert Result(tuple(map(float, range(10))), "steps", 0.0).tail() == 8.5
    assert Result((), "steps", 0.0).tail() == math.inf
    assert math.isnan(Result((), "steps", 0.0).start)


def test_every_change_has_a_name_and_a_docstring():
    assert all(change.__doc__ and "_" not in name for name, change in changes.CHANGES.items())
