"""The loss before the first update, against a blind guess."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from netvet.experiments.constants import blind_losses
from netvet.experiments.initial_loss import initial_loss
from netvet.experiments.lab import Lab
from tests.experiments.skeleton_problems import autoencoder, digits, lab_of, net


def test_a_fresh_net_begins_at_the_log_of_the_number_of_classes():
    found = initial_loss.run(lab_of())

    assert found.verdict == "passed", found.message
    assert found.evidence["expected"]["even"] == pytest.approx(2.3026, abs=1e-3)


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        (nn.LogSoftmax(1), nn.functional.nll_loss),
        (nn.Softmax(1), lambda p, y: nn.functional.nll_loss(p.log(), y)),
    ],
)
def test_an_even_guess_is_known_for_log_probabilities_and_probabilities(last, loss):
    problem = lab_of(lambda: nn.Sequential(net(), last), loss).problem

    assert blind_losses(problem, problem.train)["even"] == pytest.approx(2.3026, abs=1e-3)


def test_raw_pixels_and_wide_weights_begin_far_too_high():
    def wide() -> nn.Module:
        made = net()
        for parameter in made.parameters():
            nn.init.normal_(parameter)
        return made

    found = initial_loss.run(lab_of(wide, **digits(scale=1.0)))

    assert found.verdict == "failed", found.message
    assert "unexpected-initial-loss" in found.suspects


def test_numbers_far_from_zero_may_begin_at_their_mean_square():
    x = torch.randn(300, 8)
    found = initial_loss.run(lab_of(lambda: net(8, 1), nn.functional.mse_loss, train=(x, x[:, :1] * 5 + 50)))

    assert found.verdict == "passed", found.message


def test_loaded_weights_that_begin_low_fail_nothing():
    model = net()
    with torch.no_grad():
        model[2].weight.zero_()
        model[2].bias[3] = 9.0
    x, y = torch.rand(200, 64), torch.full((200,), 3)
    y[::20] = 1  # the shares cost less than an even guess, and what is known already costs nothing

    assert initial_loss.run(lab_of(model, train=(x, y))).verdict in ("passed", "undetermined")


def test_what_has_no_targets_is_undetermined():
    assert initial_loss.run(Lab(autoencoder())).verdict == "undetermined"
