"""A score that the script computes in another way than it means to."""

import pytest

from netvet.checks.misread_metric import misread_metric
from netvet.core import Facts, Location


def metric(op="argmax", **more):
    record = {"op": op, "dim": 1, "classes_dim": 1, "prediction_shape": [64], "target_shape": [64], "compared": 64}
    values = {"value": 0.9, "correct_value": 0.9, "broadcast": False, "phase": "eval", "split": "val"}
    return {**record, **values, "file": "train.py", "line": 60, **more}


def test_fires_on_the_wrong_axis():
    (finding,) = misread_metric(Facts.of(metric(dim=0, value=0.08)))
    assert finding.message == (
        "the arg-max goes over axis 0, but the classes are on axis 1: the script counts 8% hits where 90% are right"
    )
    assert finding.location == Location("train.py", 60)
    assert (finding.value, finding.limit) == (0.08, 0.9)


def test_fires_on_a_comparison_of_all_with_all():
    made = metric("eq", broadcast=True, prediction_shape=[64, 1], compared=4096, value=0.1)
    (finding,) = misread_metric(Facts.of(made))
    assert "predictions [64, 1] are compared with targets [64], each with every other" in finding.message


def test_fires_on_a_threshold_that_does_not_fit():
    (finding,) = misread_metric(Facts.of(metric("gt", dim=None, value=0.6)))
    assert finding.severity == "warning"
    assert "the script counts 60% hits where 90% are right" in finding.message


@pytest.mark.parametrize(
    "one",
    [
        metric(),
        metric(dim=2),
        metric(dim=0, value=0.87),
        metric(dim=0, value=0.1, correct_value=None),
        metric(dim=0, value=0.1, compared=4),
        metric(dim=-1, value=0.1),
        metric(dim=None, value=0.1),
        metric("gt", value=0.85),
        metric("eq", value=0.5),
        metric("eq", broadcast=True, prediction_shape=[64, 5], target_shape=[64, 1], value=0.3),
        metric("eq", broadcast=True, prediction_shape=[64, 1]),
        {},
    ],
)
def test_is_quiet_on(one):
    assert misread_metric(Facts.of(one)) == []


def test_scores_on_training_samples_only_are_a_note():
    assert [f.severity for f in misread_metric(Facts.of(metric(split="train")))] == ["note"]
    assert misread_metric(Facts.of(metric(split="train"), metric())) == []
