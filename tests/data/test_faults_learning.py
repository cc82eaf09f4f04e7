"""Metadata that predict the class, targets that nothing predicts, learning curves."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine

from netvet.checks import load
from netvet.core import Facts
from netvet.data.faults import NotAssessable
from netvet.data.faults.alone import balanced, r2, sampled, skill
from netvet.data.faults.learnable import learning_curve, random_labels
from netvet.data.faults.metadata import spurious_features
from tests.data.made import audited

DIGITS = load_digits()
RANDOM = np.random.default_rng(0)


def spurious(**attributes):
    data = audited({"train": (DIGITS.data[:600], DIGITS.target[:600] % 2, attributes)}, kind="image")
    return [(f.where, f.severity) for f in load("spurious-feature")(Facts(spurious_features(data)))]


def test_a_width_that_goes_with_the_class_is_found():
    odd = DIGITS.target[:600] % 2
    assert spurious(width=np.where(odd, 640.0, 512.0)) == [("width", "warning")]
    assert spurious(mode=np.where(odd, "RGB", "L").astype(object)) == [("mode", "warning")]


def test_brightness_that_goes_with_the_class_is_a_note():
    assert spurious(brightness=DIGITS.target[:600] % 2 + 0.1 * RANDOM.random(600)) == [("brightness", "note")]


def test_other_metadata_are_silent():
    widths = RANDOM.choice([320.0, 640.0], 600)
    assert spurious(width=widths, brightness=DIGITS.data[:600].mean(axis=1), height=np.full(600, 7.0)) == []


def test_what_the_user_named_is_no_metadata():
    data = audited({"train": (DIGITS.data, DIGITS.target, {"group": DIGITS.target * 1.0})}, group="writer")
    with pytest.raises(NotAssessable):
        spurious_features(data)


def test_skill_is_that_of_a_guess_for_noise_and_full_for_the_target():
    (split,) = audited({"train": (DIGITS.data, DIGITS.target)}).splits.values()
    of = sampled(split)
    assert skill(of.targets.astype(float), of) == 1.0
    assert abs(skill(RANDOM.normal(size=len(of.chosen)), of)) < 0.1
    assert skill(np.full(len(of.chosen), np.nan), of) == 0.0


def test_scores_are_those_of_the_formulas():
    said, aimed = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 1])
    assert balanced(said, aimed) == pytest.approx(((2 / 3 + 1) / 2 - 0.5) / 0.5)
    assert r2(aimed + 0.0, aimed) == 1.0
    assert r2(np.full(5, aimed.mean()), aimed) == pytest.approx(0.0)


def test_lost_pairs_are_a_note():
    shuffled = RANDOM.permutation(DIGITS.target[:500])
    data = audited({"train": (DIGITS.data[:500, 8:40:3], shuffled)})
    (finding,) = load("random-labels")(Facts(random_labels(data)))
    assert finding.severity == "note"
    assert "no relation" in finding.message


def test_true_pairs_are_silent():
    assert load("random-labels")(Facts(random_labels(audited({"train": load_wine(return_X_y=True)})))) == []


def test_a_curve_that_still_rises_is_a_note():
    few = RANDOM.permutation(len(DIGITS.data))[:200]
    (record,) = learning_curve(audited({"train": (DIGITS.data[few], DIGITS.target[few])}))
    assert record["sizes"] == [20, 40, 80, 160]
    rising = {**record, "gain": 0.06, "gain_error": 0.01}
    assert [f.severity for f in load("too-few-samples")(learning_curve=Facts.of(rising))] == ["note"]
    assert load("too-few-samples")(learning_curve=Facts.of({**record, "gain": 0.01, "gain_error": 0.0})) == []
