"""The problem of a script: its own step on copies, its own batches, optimizer and schedule."""

import sys
import textwrap
from contextlib import nullcontext

import pytest
import torch

from netvet.capture.runner import RunOptions, run
from netvet.capture.torch_session import watch_of
from netvet.capture.torch_setup import SetupCollector
from netvet.experiments.captured import problem_of_run
from netvet.experiments.constants import blind_losses
from netvet.experiments.lab import digest
from netvet.experiments.trial import Trial, run_trial
from tests.experiments.small_problems import random_state, same, state_of

HEAD = """
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
y = torch.arange(240) % 3
x = torch.randn(240, 2) * 0.3 + torch.tensor([[2.0, 0.0], [-2.0, 0.0], [0.0, 2.0]])[y]
loader = DataLoader(TensorDataset(x, y), 24, shuffle=True)
val_loader = DataLoader(TensorDataset(x[:50], y[:50]), 20)
model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 3))
"""
LOOP = """
for epoch in range(3):
    model.train()
    {mode}
    for a, b in loader:
        optimizer.zero_grad()
        F.cross_entropy(model(a), b{more}).backward()
        optimizer.step()
        {after}
    model.eval()
    with torch.no_grad():
        for a, b in val_loader:
            F.cross_entropy(model(a), b{more})
"""
SGD = "optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)\n"


@pytest.fixture
def problem(tmp_path, monkeypatch):
    """Run a script in this process; gives what is captured and the script's own model."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])

    def capture(source, loop=LOOP, **parts):
        held = []

        def observe(live):
            held.append(SetupCollector(watch_of(live).session))
            watch_of(live).session.add(held[0])
            return nullcontext()

        loop = loop.format(**{"mode": "pass", "more": "", "after": "pass", **parts})
        path = tmp_path / "train.py"
        path.write_text(HEAD + textwrap.dedent(source) + loop)
        torch.manual_seed(11)
        ended = run(RunOptions(str(path), False, (), tmp_path / "runs", observe=observe))
        assert ended.script_status == 0
        assert held[0].setup is not None, held[0].reason
        return problem_of_run(held[0].setup, "train.py"), sys.modules["__main__"].model

    return capture


def test_has_the_scripts_own_data_optimizer_and_task(problem):
    found, _ = problem(SGD)
    assert (found.kind, found.train.size, found.train.batch_size, found.val.size) == ("classes", 240, 24, 50)
    optimizer = found.optimizer(found.learner(0).model)
    assert type(optimizer) is torch.optim.SGD
    assert [(g["lr"], g["momentum"], len(g["params"])) for g in optimizer.param_groups] == [(0.1, 0.9, 6)]
    assert found.rates == (1.0,) * 30
    assert not found.pretrained


def test_begins_with_the_initial_weights_and_leaves_the_scripts_model_alone(problem):
    found, model = problem(SGD)
    before, numbers = state_of(model), random_state()
    result = run_trial(found, Trial(30))
    assert same(before, state_of(model))
    assert random_state() == numbers
    assert result.tail() < 0.5 * result.start
    assert result.val.score > 0.9
    assert run_trial(found, Trial(30)).losses == result.losses
    assert digest(found) == digest(found)


def test_nothing_of_netvet_listens_to_copies(problem):
    found, _ = problem(SGD)
    for module in found.learner(0).model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_frozen_norm_layer_stays_frozen(problem):
    found, _ = problem(SGD, mode="model[1].eval()")
    learner = found.learner(0)
    before = learner.model[1].running_mean.clone()
    learner.step(found.train.batches[0])
    assert torch.equal(learner.model[1].running_mean, before)
    assert [m.training for m in learner.model] == [True, False, True, True, True]


def test_a_warm_up_from_zero_trains_with_the_rates_that_it_reaches(problem):
    schedule = SGD + "schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1.0, n / 10))\n"
    found, _ = problem(schedule, after="schedule.step()")
    assert found.lr == pytest.approx(0.1)
    assert found.rates[:11] == pytest.approx([n / 10 for n in range(11)])
    assert run_trial(found, Trial(5)).losses != run_trial(found, Trial(5, 0, {"constant-lr": True})).losses
    assert "schedule" in found.notes[0]


def test_groups_keep_their_ratio_under_a_schedule(problem):
    groups = """
    optimizer = torch.optim.AdamW([
        {"params": model[0].parameters(), "lr": 0.001},
        {"params": [p for m in model[1:] for p in m.parameters()], "weight_decay": 0.0},
    ], lr=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, [0.001, 0.01], total_steps=30)
    """
    found, _ = problem(groups, after="schedule.step()")
    first, second = found.optimizer(found.learner(0).model).param_groups
    assert first["lr"] == pytest.approx(0.001, rel=0.01)
    assert second["lr"] == pytest.approx(0.01, rel=0.01)
    assert (first["weight_decay"], second["weight_decay"]) == (0.01, 0.0)
    assert max(found.rates) == 1.0


def test_class_weights_are_no_samples(problem):
    found, _ = problem("weight = torch.tensor([1.0, 2.0, 1.0])\n" + SGD, more=", weight=weight")
    assert found.train.size == 240
    assert len(found.train.roles.shared) == 1
    assert run_trial(found, Trial(10, 0, {"batch-size": 10})).ended == "steps"


def test_a_checkpoint_makes_it_pretrained(problem):
    found, _ = problem(SGD + "model.load_state_dict({k: v.clone() for k, v in model.state_dict().items()})\n")
    assert found.pretrained
    assert same(found.learner(0).model.state_dict(), found.learner(1).model.state_dict())


def test_each_seed_draws_other_weights(problem):
    found, _ = problem(SGD)
    weights = [found.learner(seed).model[0].weight for seed in (0, 1, 1)]
    assert not torch.equal(weights[0], weights[1])
    assert torch.equal(weights[1], weights[2])


TAKES_ITS_OWN_LOSS = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(5, 8)
        self.fed = nn.Embedding(5, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, tokens, targets=None):
        hidden = self.embed(tokens) + {more}
        logits = self.head(hidden)
        return {returned}, F.cross_entropy(logits.view(-1, 5), targets.view(-1), ignore_index=-1)

torch.manual_seed(0)
model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
for step in range(30):
    tokens = torch.randint(0, 5, (12, 7))
    targets = (tokens + 1) % 5
    *_, loss = model(tokens, targets)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
"""


def test_targets_of_a_model_that_takes_its_own_loss_are_known(problem):
    found, _ = problem("", TAKES_ITS_OWN_LOSS, more="0.0", returned="logits")
    batch = found.train.batches[0]
    assert (found.kind, len(found.train.roles.inputs), len(found.train.roles.targets)) == ("classes", 1, 1)
    assert torch.equal(batch[found.train.roles.targets[0]], (batch[found.train.roles.inputs[0]] + 1) % 5)
    assert found.learner(0).step(batch)[1].shape == (12, 7, 5)
    assert blind_losses(found, found.train) is None  # its outputs cannot be replaced before the loss is taken


def test_outputs_are_known_wherever_they_stand_beside_the_loss(problem):
    found, _ = problem("", TAKES_ITS_OWN_LOSS, more="0.0", returned="logits.mean(), logits")
    assert found.kind == "classes"


def test_targets_that_feed_the_outputs_too_are_inputs(problem):
    found, _ = problem("", TAKES_ITS_OWN_LOSS, more="self.fed(targets)", returned="logits")
    assert (found.kind, len(found.train.roles.inputs), len(found.train.roles.targets)) == ("unknown", 2, 0)


BY_HAND = """
torch.manual_seed(0)
for step in range(30):
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()
    for p in model.parameters():
        p.data.add_(p.grad, alpha=-0.1)
"""


def test_a_script_without_an_optimizer_is_told_what_is_missing(problem):
    with pytest.raises(AssertionError, match="by hand, without an optimizer"):
        problem("", BY_HAND)


NOISY = """
class Noise(nn.Module):
    def forward(self, x):
        return x + torch.from_numpy(np.random.default_rng().normal(size=tuple(x.shape))).float()

model = nn.Sequential(Noise(), model)
"""


def test_a_step_that_is_never_the_same_twice_is_told_of(problem):
    with pytest.raises(AssertionError, match="the replayed loss differs from the recorded one"):
        problem(SGD, NOISY + LOOP)
