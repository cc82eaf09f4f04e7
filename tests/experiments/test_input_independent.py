"""Real inputs against zeroed and shuffled ones."""

from __future__ import annotations

import torch
from torch import nn

from netvet.experiments.input_independent import input_independent
from netvet.experiments.lab import Lab
from netvet.experiments.shuffled_labels import shuffled_labels
from tests.experiments.skeleton_problems import autoencoder, digits, lab_of, net


class Blind(nn.Module):
    """A norm over one feature returns its bias, whatever comes in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(1)
        self.net = net()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(self.norm(x[..., None])[..., 0])


def test_digits_are_learned_from_their_pixels():
    found = input_independent.run(lab_of())

    assert found.verdict == "passed", found.message
    assert set(found.evidence["arms"]) == {"plain", "zeroed", "shuffled"}


def test_a_net_that_does_not_see_its_inputs_fails():
    found = input_independent.run(lab_of(Blind))

    assert found.verdict == "failed", found.message
    assert found.suspects[0] == "ignores-input"


def test_what_cannot_be_learned_beyond_its_samples_is_not_the_fault_of_the_inputs():
    found = input_independent.run(lab_of(**digits(shuffled=True)))

    assert found.verdict == "undetermined", found.message


def test_what_has_no_targets_is_not_assessed():
    assert input_independent.run(Lab(autoencoder())).verdict == "not assessed"


def test_two_seeds_are_enough_where_the_difference_is_large_and_the_twins_serve_the_shuffled_labels_too():
    lab = lab_of()
    found = input_independent.run(lab)
    assert [len(arm["score"]) for arm in found.evidence["arms"].values()] == [2, 1, 2]

    taken = lab.trials
    assert shuffled_labels.run(lab).verdict == "passed"
    assert lab.trials == taken


def test_labels_without_a_pattern_get_every_seed():
    lab = lab_of(**digits(shuffled=True))
    assert all(len(arm["score"]) >= 3 for arm in input_independent.run(lab).evidence["arms"].values())
