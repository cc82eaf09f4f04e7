"""What the bias of the last layer should be, and what it saves."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netvet.experiments.constants import wanted_bias
from netvet.experiments.final_bias import final_bias
from tests.experiments.skeleton_problems import lab_of, net


def rare(n: int = 1200) -> tuple[torch.Tensor, torch.Tensor]:
    """One sample in twenty is of the class."""
    x = torch.randn(n, 8, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] > 1.645).float()


def bce(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return nn.functional.binary_cross_entropy_with_logits(output.squeeze(1), target)


def test_a_rare_class_is_told_with_the_bias_and_the_steps_that_it_saves():
    lab = lab_of(lambda: net(8, 1), bce, train=rare())

    found = final_bias.run(lab)

    assert found.verdict == "advice", found.message
    assert found.evidence["after"] < found.evidence["before"]
    assert found.next.startswith("Begin with the bias of 2 at [")


def test_equal_classes_need_no_bias():
    assert final_bias.run(lab_of()).verdict == "passed"


def test_the_bias_of_numbers_moves_the_first_outputs_to_the_mean_of_the_targets():
    x = torch.randn(400, 8)
    lab = lab_of(lambda: net(8, 2), nn.functional.mse_loss, train=(x, torch.randn(400, 2) + torch.tensor([10.0, -4.0])))

    name, bias = wanted_bias(lab.problem, lab.problem.learner(0))

    assert name == "2"
    assert bias.tolist() == pytest.approx([10.0, -4.0], abs=0.5)


def test_a_last_layer_without_bias_is_not_assessed():
    def plain() -> nn.Module:
        return nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10, bias=False))

    assert final_bias.run(lab_of(plain)).verdict == "not assessed"
