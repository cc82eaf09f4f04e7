"""What curves prove by themselves, and what they leave open."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from netvet import checks, curves
from netvet.core import Facts, LayerSeries, Series

LOG = Facts.of({"kind": "supervised"})


def of(values: Any, unit: Any = "epoch") -> LayerSeries:
    numbers = np.asarray(values, dtype=np.float64)
    return LayerSeries({"x": Series(np.arange(1, len(numbers) + 1), numbers, None, unit)})


def near(value: float, count: int = 20, spread: float = 0.002) -> np.ndarray:
    return np.asarray(value + np.random.default_rng(0).normal(0, spread, count))


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_two_losses_that_stay_at_the_logarithm_of_few_classes_are_those_of_a_guess(classes):
    loss, held = of(near(math.log(classes))), of(near(math.log(classes)))
    message = curves.at_chance(LOG, loss, held, None)
    assert message is not None
    assert f"ln {classes} = {math.log(classes):.4g} is what a guess among {classes} equally frequent" in message[0]
    assert message[0].endswith("(if it is a cross-entropy)")


def test_where_the_number_of_classes_is_known_the_training_loss_is_enough():
    log = Facts.of({"kind": "supervised", "classes": 37})
    told = curves.at_chance(log, of(near(math.log(37) * 1.01)), None, None)
    assert told is not None
    assert told[0].endswith("a guess among 37 equally frequent classes costs")
    assert curves.at_chance(log, of(near(2.3)), of(near(2.3)), None) is None


@pytest.mark.parametrize(
    ("loss", "held", "accuracy"),
    [
        (near(2.3026), None, None),  # the training loss alone
        (near(2.3026), near(2.2), None),
        (near(1.0), near(1.0), None),  # a regression
        (near(3.1), near(3.1), None),  # integers lie too close there
        (near(2.3026, 5), near(2.3026, 5), None),  # too short
        (np.linspace(2.35, 2.25, 20), near(2.3026), None),  # moves through it
        (near(2.3026), near(2.3026), np.linspace(0.1, 0.3, 20)),  # the accuracy says more
    ],
)
def test_a_loss_that_may_be_something_else_is_left_open(loss, held, accuracy):
    given = [None if one is None else of(one) for one in (held, accuracy)]
    assert curves.at_chance(LOG, of(loss), *given) is None


def test_an_accuracy_that_never_changes_at_the_loss_of_constant_odds_is_one_class():
    entropy = -0.9 * math.log(0.9) - 0.1 * math.log(0.1)
    told = curves.one_answer(of([0.6, 0.4, *near(entropy, 18)]), of([0.9] * 20))
    assert told is not None
    assert told[0].startswith("the accuracy is 90.0% at every epoch since 1")
    assert "one class is always predicted" in told[0]


@pytest.mark.parametrize(
    ("loss", "accuracy"),
    [
        (near(0.2), [0.9] * 20),  # tells samples apart all the same
        (near(0.325), [0.85, 0.88, 0.89, 0.9, *[0.9] * 16]),  # was learned, and stays
        (near(0.325), [0.9] * 19 + [0.91]),
        (np.linspace(0.6, 0.3, 20), [0.9] * 20),  # still falls
        (near(0.0005, spread=1e-5), [1.0] * 20),
    ],
)
def test_an_accuracy_that_stays_for_other_reasons_is_left_open(loss, accuracy):
    assert curves.one_answer(of(loss), of(accuracy)) is None


def test_evaluations_that_are_equal_to_the_last_digit_say_that_nothing_changes():
    told = curves.unmoved(of([0.0327] * 12), of(near(0.03)))
    assert told is not None
    assert told[0].startswith("the validation loss is 0.0327 at all 12 evaluations")
    assert curves.unmoved(of([0.03] * 12), of(near(0.03))) is None  # too few digits
    assert curves.unmoved(of([0.0327] * 11 + [0.0328]), of(near(0.03))) is None
    assert curves.unmoved(of([0.0327] * 12), of([0.03] * 12)) is None
    assert curves.unmoved(None, of(near(0.03))) is None
    assert curves.unmoved(of([0.0327] * 12), of(np.linspace(0.5, 0.1, 12) + near(0, 12))) is None  # carried along


FALLS = [*np.geomspace(2.3, 0.04, 30)]


def test_what_was_learned_and_lost_is_told():
    told = curves.lost_again(of([*FALLS, 130.0, *near(2.36, 25, 0.02)], "step"))
    assert told is not None
    assert told[0] == (
        "the loss had come down from 2.3 to 0.046, and is 2.36 at the end: what was learned is lost since step 31"
    )


@pytest.mark.parametrize(
    "values",
    [
        FALLS,
        [*FALLS, 130.0, *np.geomspace(2.3, 0.04, 30)],  # recovers
        [*FALLS, *near(0.5, 25, 0.02)],  # harder data, but learned
        near(2.3, 40),
        [*np.linspace(2.3, 2.0, 20), *near(2.3, 20)],  # had learned little
        [-1.0, *FALLS],
        [2.3, 0.1, 2.3],
        [6.4, 3.4, 2.4, 4.2, 2.1, 2.3, 3.6, 5.4, 11.8, 6.0],  # few, and no validation says the same
    ],
)
def test_a_loss_that_went_another_way_is_not_lost(values):
    assert curves.lost_again(of(values)) is None


def test_few_values_are_enough_where_the_validation_says_the_same():
    loss, held = (
        [6.4, 3.4, 2.4, 4.2, 2.1, 2.3, 3.6, 5.4, 11.8, 6.0],
        [5.5, 3.2, 2.3, 4.3, 3.0, 3.0, 3.1, 5.1, 13.0, 7.1],
    )
    told = curves.lost_again(of(loss), of(held))
    assert told is not None
    assert told[0].startswith("the loss had come down from 6.4 to 2.3, and is 6 at the end")
    assert curves.lost_again(of(loss), of(np.linspace(5, 2, 10))) is None


def test_a_rate_that_rose_where_the_loss_did_is_the_cause():
    loss = of([*FALLS, 130.0, *near(2.36, 25, 0.02)], "step")
    rise = {"step": 31.0, "before": 1e-3, "after": 1.0}
    (finding,) = checks.load("lr-too-high")(loss, lr_rises=Facts.of(rise), log=LOG)
    assert finding.message.startswith("the learning rate rose from 0.001 to 1 at step 31: the loss had come down")
    assert (finding.severity, finding.step, finding.value) == ("warning", 31, 1000)
    for other in ({**rise, "step": 5.0}, {**rise, "step": 50.0}, {**rise, "before": 0.0}):
        assert curves.raised_rate(LOG, loss, Facts.of(other)) is None
    assert curves.raised_rate(LOG, of(FALLS), Facts.of(rise)) is None
    assert curves.raised_rate(Facts.of({"kind": "reward"}), loss, Facts.of(rise)) is None


def test_a_loss_whose_first_value_is_the_best_has_diverged():
    told = curves.never_better(of([3.2, 46.0, 30.0, 9.0, 5.0, 4.0, 3.6, 3.4, 3.5, 3.6]))
    assert told is not None
    assert told[0] == "the loss never came below its first value of 3.2: it rose to 46 and is 3.5 at the end"
    assert curves.never_better(of([3.2, 46.0, 30.0, 9.0, 5.0, 4.0, 3.6, 3.0, 2.5, 2.0])) is None
    assert curves.never_better(of(near(3.2))) is None


def test_a_classifier_far_below_zero_has_the_wrong_sign():
    loss, accuracy = of(-np.geomspace(2, 10_000, 12)), of([0.07, *[0.1] * 11])
    (finding,) = checks.load("negated-loss")(loss=loss, val_accuracy=accuracy, log=LOG)
    assert "the lower the loss, the worse the predictions" in finding.message
    assert finding.severity == "warning"
    assert curves.below_zero(LOG, loss, of(np.linspace(0.1, 0.9, 12))) is None  # another criterion
    assert curves.below_zero(LOG, of(np.linspace(2, -0.5, 12)), accuracy) is None
    assert curves.below_zero(None, loss, accuracy) is None


def test_a_run_taken_up_again_far_above_its_loss_lost_its_state():
    again = {"step": 500.0, "before": 0.1, "after": 1.9, "first": 2.3}
    (finding,) = checks.load("incomplete-checkpoint")(retrained=Facts.of(again))
    assert finding.message.startswith("training was taken up again at step 500, where the loss had been 0.1, with 1.9")
    for other in ({**again, "after": 0.15}, {**again, "first": 0.1}, {**again, "before": 0.0}):
        assert curves.worse_again(Facts.of(other)) is None
    assert curves.worse_again(None) is None
