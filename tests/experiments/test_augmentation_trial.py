"""Shifts that help, flips that break labels, and inputs that cannot be augmented."""

import pytest
import torch
from torch import nn

from netvet.core import NetvetError
from netvet.experiments.augmentation_trial import augmentation_trial
from tests.experiments.regularised import adam, convnet, digits, digits_problem, outcome


def moved(pair):
    """The same pictures in a larger frame, each in another place."""
    x, y = pair
    lot = torch.Generator().manual_seed(3)
    frame = torch.full((len(x), 1, 12, 12), -1.0)
    for picture, inner, corner in zip(frame, x, torch.randint(1, 4, (len(x), 2), generator=lot).tolist(), strict=True):
        picture[:, corner[0] : corner[0] + 8, corner[1] : corner[1] + 8] = inner
    return frame, y


def test_advises_shifts_where_pictures_move(monkeypatch):
    train, val = (moved(pair) for pair in digits(150, 600, pictures=True))
    model = lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 10))  # noqa: E731
    problem = digits_problem((train, val), model=model, optimizer=adam(3e-3), whole=300)
    found = outcome(augmentation_trial, problem, monkeypatch, steps=300)
    assert found.verdict == "advice"
    assert "shifts" in found.next
    flips = found.evidence["compared"]["flips from left to right"]
    assert flips["effect"] < found.evidence["confirmed"]["effect"]


def test_does_not_advise_what_breaks_labels(monkeypatch):
    x = torch.linspace(-1, 1, 8).repeat(300, 1, 8, 1)
    y = torch.arange(300) % 2
    x = torch.where((y == 1)[:, None, None, None], -x, x) + 0.5 * torch.randn(
        300, 1, 8, 8, generator=torch.Generator().manual_seed(0)
    )
    found = outcome(
        augmentation_trial, digits_problem(((x[:200], y[:200]), (x[200:], y[200:])), model=convnet), monkeypatch
    )
    assert found.verdict == "passed"
    assert found.evidence["compared"]["flips from left to right"]["effect"] < -0.1


def test_passes_rows_of_numbers_that_are_learned(monkeypatch):
    assert outcome(augmentation_trial, digits_problem(), monkeypatch).verdict in ("passed", "undetermined")


def test_words_are_not_assessed(monkeypatch):
    tokens, y = torch.randint(0, 9, (96, 5), generator=torch.Generator().manual_seed(0)), torch.arange(96) % 3
    model = lambda: nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(20, 3))  # noqa: E731
    with pytest.raises(NetvetError, match="neither pictures nor rows"):
        outcome(augmentation_trial, digits_problem(((tokens, y), (tokens, y)), model=model), monkeypatch)
