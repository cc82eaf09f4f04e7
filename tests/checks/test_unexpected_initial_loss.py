"""A loss before the first update that no untrained net should have."""

import math

import pytest

from netvet.checks.unexpected_initial_loss import unexpected_initial_loss
from netvet.core import Facts, Location


def classifier(measured, **more):
    record = {"site": "train.py:44", "file": "train.py", "line": 44, "function": "cross_entropy", "classes": 10}
    return Facts.of({**record, "measured": measured, "expected": math.log(10), **more})


def test_fires_on_a_classifier_that_is_confidently_wrong():
    (finding,) = unexpected_initial_loss(classifier(26.4))
    assert finding.message == (
        "the loss before the first update is 26.4, 11 times the 2.3 that an untrained net should have"
    )
    assert finding.location == Location("train.py", 44)
    assert finding.severity is None
    assert finding.value == 26.4


@pytest.mark.parametrize("measured", [2.25, 2.31, 2.8, 3.4, 4.5])
def test_is_quiet_below_the_limit(measured):
    assert unexpected_initial_loss(classifier(measured)) == []


def test_is_only_a_note_a_little_above_the_limit():
    assert [f.severity for f in unexpected_initial_loss(classifier(5.5))] == ["note"]


def test_is_quiet_within_the_spread():
    assert unexpected_initial_loss(classifier(9.0, spread=3.0)) == []


def test_is_quiet_on_an_even_guess_for_unequal_classes():
    fraud = {"function": "binary_cross_entropy_with_logits", "classes": 1, "expected": 0.1, "best_constant": 0.1}
    assert unexpected_initial_loss(classifier(0.72, **fraud)) == []


def test_is_quiet_on_a_sum():
    losses = Facts.of({"site": "train.py:44", "phase": "train", "reduction": "sum"})
    assert unexpected_initial_loss(classifier(26.4 * 64), losses) == []


def test_is_quiet_on_a_regression_that_starts_at_the_mean_square():
    regression = {"function": "mse_loss", "classes": None, "expected": 0.25}
    targets = Facts.of({"site": "train.py:44", "mean": 3.0, "std": 0.5})
    assert unexpected_initial_loss(classifier(9.4, **regression), None, targets) == []


def test_is_quiet_on_a_sigmoid_autoencoder_of_dark_images():
    assert unexpected_initial_loss(classifier(0.231, function="mse_loss", expected=0.095)) == []


def test_a_low_start_is_a_note_unless_weights_were_loaded():
    assert [f.severity for f in unexpected_initial_loss(classifier(0.2))] == ["note"]
    assert unexpected_initial_loss(classifier(0.2), parameters=Facts.of({"loaded": True})) == []


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"measured": 30.0},
        {"expected": 2.3},
        {"measured": math.nan, "expected": 2.3},
        {"measured": 1, "expected": 0},
    ],
)
def test_is_quiet_without_the_numbers(record):
    assert unexpected_initial_loss(Facts.of(record)) == []
