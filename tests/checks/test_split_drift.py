"""Splits from two distributions."""

import pytest

from netvet.checks.split_drift import split_drift
from netvet.core import Facts

BASE = {"train": "train", "split": "val", "samples": 500, "train_samples": 2000}
LABELS = {"label_distance": 0.4, "label_p": 1e-30, "label": "cat", "label_shares": [0.1, 0.5]}
MOVED = {"column": "age", "distance": 0.5, "p": 1e-20, "medians": [30.0, 50.0]}


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (LABELS, "class cat has 10% of train and 50% of val"),
        ({"label_distance": 0.4, "label_p": 1e-30, "label_medians": [1.0, 2.0]}, "the median target is 1 and 2"),
        ({"moved": [MOVED]}, "one feature differs, column age most (median 30 and 50)"),
        ({"missing_column": "age", "missing_change": 0.4}, "column age lacks 40% more values"),
    ],
)
def test_fires_on_the_fault(seen, words):
    (finding,) = split_drift(Facts.of({**BASE, **seen}))
    assert words in finding.message
    assert finding.severity == "warning"


def test_a_small_difference_is_a_note():
    assert [f.severity for f in split_drift(Facts.of({**BASE, "area": 0.7, "area_z": 12.0}))] == ["note"]


@pytest.mark.parametrize(
    "seen",
    [{**LABELS, "label_p": 0.01}, {**LABELS, "label_distance": 0.02}, {"moved": [{**MOVED, "p": 0.01}]},
     {"moved": [{**MOVED, "distance": 0.05}]}, {"area": 0.55, "area_z": 20.0}, {"area": 0.8, "area_z": 3.0}],
)  # fmt: skip
def test_is_quiet_where_it_is_small_or_chance(seen):
    assert split_drift(Facts.of({**BASE, **seen})) == []


def test_is_quiet_without_fields():
    assert split_drift(Facts.of({})) == []


@pytest.mark.parametrize(("late", "said", "severity"), [(0, True, "note"), (5, True, "warning"), (0, False, "warning")])
def test_of_a_split_by_time_that_is_right_it_is_a_note(late, said, severity):
    time = Facts.of({"train": "train", "split": "val", "late": late, "said": said})
    assert [f.severity for f in split_drift(Facts.of({**BASE, **LABELS}), time)] == [severity]
