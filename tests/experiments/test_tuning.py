import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional as F

from netvet import NetvetError, Setup
from netvet.experiments.ablation import ablation
from netvet.experiments.adam_safe import adam_safe
from netvet.experiments.arms import arms_of
from netvet.experiments.batch_size import BATCHES, batch_size, noise_scale
from netvet.experiments.lab import Lab
from netvet.experiments.schedule import schedule
from netvet.experiments.setup import problem_of
from netvet.experiments.trial import Result, Trial, run_trial


def data(samples=600):
    x, y = load_digits(return_X_y=True)
    return torch.tensor(x[:samples] / 16, dtype=torch.float32), torch.tensor(y[:samples])


def mlp(dropout=0.0):
    return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Dropout(dropout), nn.Linear(32, 10))


def lab_of(optimizer=None, *, dropout=0.0, size=32, model=None, train=None, given=None, **details):
    optimizer = optimizer or (lambda m: torch.optim.SGD(m.parameters(), lr=0.3))
    given = {"loss": F.cross_entropy, "optimizer": optimizer, "batch_size": size} | (given or {})
    setup = Setup(model or (lambda: mlp(dropout)), train or data(), **given)
    return Lab(dataclasses.replace(problem_of(setup), **details))


def cosine(steps):
    return tuple(0.5 + 0.5 * math.cos(math.pi * i / steps) for i in range(steps))


def test_a_good_optimizer_is_kept():
    outcome = adam_safe.run(lab_of())
    assert outcome.verdict == "passed", outcome.message


@pytest.mark.parametrize("lr", [1e-4, 300.0])
def test_an_optimizer_that_is_badly_set_is_beaten_by_adam(lr):
    outcome = adam_safe.run(lab_of(lambda m: torch.optim.SGD(m.parameters(), lr=lr)))
    assert outcome.verdict == "advice", outcome.message
    assert "3e-4" in outcome.next


def test_adam_at_the_safe_rate_is_not_compared_with_itself():
    assert adam_safe.run(lab_of(lambda m: torch.optim.Adam(m.parameters(), lr=3e-4))).verdict == "not assessed"


def test_a_program_that_still_warms_up_is_neither_slow_nor_badly_scheduled():
    slow = tuple((i + 1) / 5000 for i in range(5000))
    assert adam_safe.run(lab_of(rates=slow)).verdict == "not assessed"
    assert ablation.run(lab_of(rates=slow)).verdict == "not assessed"
    found = ablation.run(lab_of(rates=slow, clip=("norm", 5.0)))
    assert {arm["name"] for arm in found.evidence["arms"]} == {"plain", "clipping"}


def test_a_warm_up_that_is_over_early_is_part_of_the_program():
    warm = tuple(min(1.0, (i + 1) / 5) for i in range(300))
    assert adam_safe.run(lab_of(rates=warm)).verdict == "passed"
    assert "without schedule" in ablation.run(lab_of(rates=warm)).message


def test_a_cosine_over_the_whole_run_is_right():
    outcome = schedule.run(lab_of(rates=cosine(300)))
    assert outcome.verdict == "passed", outcome.message


def test_a_rate_that_is_gone_early_is_told_of():
    outcome = schedule.run(lab_of(rates=tuple(0.8**i for i in range(200))))
    assert outcome.verdict == "advice", outcome.message
    assert outcome.suspects == ("lr-decays-early",)
    assert "halved at step 4 of 200" in outcome.next


def test_a_warm_up_is_kept_when_the_rate_is_held():
    seen = []

    def optimizer(model):
        made = torch.optim.SGD(model.parameters(), lr=1.0)
        made.register_step_pre_hook(lambda o, *_: seen.append(o.param_groups[0]["lr"]))
        return made

    problem = lab_of(optimizer, rates=(0.1, 0.5, 1.0, 0.5, 0.25)).problem
    run_trial(problem, Trial(5, 0, {"schedule-pace": {"speed": 1.0, "pace": 0.0}}, scores=False))
    assert seen == [0.1, 0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("rates", [(), (1.0, 1.0), tuple(i / 100 for i in range(1, 101))])
def test_no_schedule_and_a_warm_up_alone_are_not_assessed(rates):
    assert schedule.run(lab_of(rates=rates)).verdict == "not assessed"


def test_noise_scale_is_that_of_known_noise():
    """Gradients g + n with |g|^2 = 4 and tr(S) = 400: the noise scale is 100."""
    generator = torch.Generator().manual_seed(0)
    results = []
    for _ in range(40):
        rows = 2 / math.sqrt(100) + 2 * torch.randn(BATCHES, 8, 100, generator=generator)
        means = rows.mean(1)
        measured = {"small": float((means**2).sum(1).mean()), "big": float((means.mean(0) ** 2).sum()), "samples": 8}
        results.append(SimpleNamespace(extra=measured))
    assert noise_scale(results) == pytest.approx(100, rel=0.15)


def test_noise_scale_of_alike_gradients_is_none_or_zero():
    measured = SimpleNamespace(extra={"small": 1.0, "big": 1.0, "samples": 4})
    assert noise_scale([measured]) == 0.0
    assert noise_scale([SimpleNamespace(extra={"small": 1.0, "big": 1 / BATCHES, "samples": 4})]) is None


def test_an_ordinary_batch_is_kept_and_its_noise_told():
    outcome = batch_size.run(lab_of())
    assert outcome.verdict == "passed", outcome.message
    assert 1 < outcome.evidence["noise_scale"] < 10_000


@pytest.mark.parametrize(("size", "other"), [(240, 120), (480, 240)])
def test_a_batch_far_above_the_noise_that_leaves_few_steps_is_too_large(size, other):
    few = lab_of(lambda m: torch.optim.Adam(m.parameters(), lr=1e-3), size=size, rates=(1.0,) * 60)
    outcome = batch_size.run(few)
    assert outcome.verdict == "advice", outcome.message
    assert outcome.evidence["noise_scale"] < size
    assert outcome.next == f"Try a batch of {other} samples."
    assert outcome.suspects == ("too-large-batch",)


def test_a_batch_below_the_noise_is_not_made_smaller_where_steps_are_missing():
    slow = lab_of(lambda m: torch.optim.Adam(m.parameters(), lr=1e-3), size=8, rates=(1.0,) * 60)
    outcome = batch_size.run(slow)
    assert outcome.verdict == "passed", outcome.message
    assert outcome.evidence["noise_scale"] > 8


def test_sizes_are_not_compared_where_the_loss_is_a_sum():
    total = {"loss": lambda output, y: F.cross_entropy(output, y, reduction="sum")}
    outcome = batch_size.run(lab_of(lambda m: torch.optim.Adam(m.parameters(), lr=1e-3), given=total))
    assert outcome.verdict == "undetermined"
    assert "a sum over the batch" in outcome.message


def test_a_part_that_does_harm_is_named():
    outcome = ablation.run(lab_of(dropout=0.95))
    assert outcome.verdict == "advice", outcome.message
    assert "dropout" in outcome.next


def test_parts_of_a_good_program_are_kept():
    outcome = ablation.run(lab_of(dropout=0.1, clip=("norm", 5.0)))
    assert outcome.verdict in ("passed", "undetermined"), outcome.message
    assert "without dropout" in outcome.message
    assert "without clipping" in outcome.message


def test_an_input_that_carries_the_signal_helps():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp()

        def forward(self, image, noise):
            return self.net(image + 0 * noise)

    x, y = data()
    batches = [(x[i : i + 32], torch.zeros(32, 64), y[i : i + 32]) for i in range(0, 512, 32)]
    outcome = ablation.run(lab_of(model=Two, train=batches))
    verdicts = {arm["name"]: arm["verdict"] for arm in outcome.evidence["arms"]}
    assert verdicts["input 0"] == "worse"
    assert verdicts["input 1"] == "no difference"


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.idle, self.body = nn.Linear(64, 32), nn.Identity(), nn.Sequential(nn.Linear(32, 32), nn.ReLU())
        self.last = nn.Linear(32, 10)

    def forward(self, x):
        return self.last(self.body(self.idle(self.first(x))))


def test_declared_layers_and_terms_of_the_loss_are_left_out_one_at_a_time():
    def error(model, batch):
        output = model(batch[0])
        return F.cross_entropy(output, batch[1]), output

    def penalised(model, batch):
        loss, output = error(model, batch)
        return loss + 2 * output.square().mean(), output

    parts = {"idle layer": "idle", "body": "body", "penalty": error}
    given = {"loss": None, "step": penalised, "parts": parts, "expected": {"penalty": -0.1}}
    outcome = ablation.run(lab_of(model=Residual, given=given))
    arms = {arm["name"]: arm for arm in outcome.evidence["arms"]}
    assert arms["idle layer"]["verdict"] == "no difference"
    assert arms["penalty"]["verdict"] == "better"
    assert "it was to bring -0.1 and brings +" in outcome.message
    assert outcome.next == "Leave out penalty: the loss is lower without it."


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"parts": {"x": "nowhere"}}, "has no module 'nowhere'"),
        ({"parts": {"x": "first"}}, r"'first' cannot be bypassed: it gets \(32, 64\) and gives \(32, 32\)"),
        ({"parts": {"x": lambda model, batch: None}}, "the step gave NoneType"),
        ({"expected": {"x": 1.0}}, "no part is called 'x'"),
    ],
)
def test_parts_that_cannot_be_left_out_are_told_at_once(given, told):
    with pytest.raises(NetvetError, match=told):
        lab_of(model=Residual, given=given)


def test_a_program_without_parts_is_not_assessed():
    assert ablation.run(lab_of()).verdict == "not assessed"


def test_a_training_that_diverges_is_worse_and_never_compared():
    lost = Result((1.0, math.inf), "diverged", 0.0)
    kept = Result((1.0, 0.5), "steps", 0.0)
    arms = arms_of({"plain": [kept, kept], "other": [kept, lost]})
    assert (arms["other"].verdict, arms["other"].pair) == ("worse", None)
