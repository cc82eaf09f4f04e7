import dataclasses

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from netvet.experiments.lab import Lab
from netvet.experiments.measures import wilson
from netvet.experiments.pretrained import pretrained
from netvet.experiments.whole_evaluation import whole_evaluation
from tests.experiments.problems import digits, lab, problem


def test_accuracy_of_all_batches_has_its_error_bar():
    x, y = digits(500)
    outcome = whole_evaluation.run(lab(val=(x[:100], y[:100])))
    found = outcome.evidence
    assert found["samples"] == 100
    assert found["low"] < found["whole"] < found["high"] or found["whole"] == 1.0
    assert found["sizes"] == [32, 32, 32, 4]


def test_the_mean_of_r2_over_small_batches_is_not_the_r2_of_all():
    x = torch.randn(400, 8, generator=torch.Generator().manual_seed(0))
    y = (x.sum(1, keepdim=True) + torch.arange(400)[:, None] / 20).sort(0).values
    outcome = whole_evaluation.run(lab(lambda: nn.Linear(8, 1), (x, y), F.mse_loss, val=(x[:80], y[:80]), batch_size=8))
    assert outcome.verdict == "advice"


def test_the_interval_of_a_share_is_wilsons():
    assert wilson(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)  # Newcombe (1998), Table I, method 3


def _loaded(missing, inputs=None):
    made = problem() if inputs is None else problem(lambda: nn.Sequential(nn.Flatten(), nn.Linear(48, 10)), inputs)
    record = {"missing": missing, "unexpected": [], "tensors": 4}
    return Lab(dataclasses.replace(made, details={"loaded": (record,)}), seconds=20.0)


def test_a_missing_head_is_right_and_missing_everything_is_not():
    assert pretrained.run(_loaded(["fc.weight"])).verdict == "passed"
    outcome = pretrained.run(_loaded(["a", "b", "c"]))
    assert outcome.verdict == "advice"
    assert outcome.suspects == ("incomplete-checkpoint",)


def test_bytes_for_pretrained_weights_are_told_of():
    images = torch.randint(0, 256, (64, 3, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    outcome = pretrained.run(_loaded([], (images, torch.arange(64) % 10)))
    assert "unscaled-input" in outcome.suspects


def test_nothing_is_said_where_no_checkpoint_was_loaded():
    assert pretrained.run(lab()).verdict == "not assessed"
