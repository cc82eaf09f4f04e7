"""Labels."""

import pytest

from netvet.checks.label_out_of_range import label_out_of_range
from netvet.core import Facts

SICK = {"exception": "IndexError: Target 10 is out of bounds."}


def test_fires_on_the_fault():
    (finding,) = label_out_of_range(Facts.of(SICK))
    assert "label 10" in finding.message


def test_is_quiet_for_other_errors():
    assert label_out_of_range(Facts.of({**SICK, "exception": "IndexError: list index out of range"})) == []


def test_is_quiet_for_a_good_run():
    assert label_out_of_range(Facts.of({**SICK, "exception": None})) == []


def test_is_quiet_without_fields():
    assert label_out_of_range(Facts.of({})) == []


def coded(low, high, distinct=2, **more):
    target = {"min": low, "max": high, "distinct": distinct, "integral": True}
    loss = {"site": "t.py:9", "phase": "train", "function": "binary_cross_entropy_with_logits", "target": target}
    return label_out_of_range(losses=Facts.of({**loss, "file": "t.py", "line": 9, **more}))


@pytest.mark.parametrize("case", [(1, 2), (-1, 1), (0, 255), (2, 2, 1), (-1, 1, 3)])
def test_two_labels_that_are_coded_otherwise(case):
    (finding,) = coded(*case, target_file="t.py", target_line=3)
    assert "defined for 0 and 1" in finding.message
    assert str(finding.location) == "t.py:3"


@pytest.mark.parametrize("case", [(0, 1), (1, 1, 1), (0, 0, 1), (1, 5, 5), (0, 2, 3), (0, 255, 200)])
def test_right_labels_and_more_classes(case):
    assert coded(*case) == []


def test_losses_that_are_not_trained_with():
    assert coded(1, 2, phase="eval") == []
    assert coded(1, 2, feeds_backward=False) == []
    assert coded(-1, 1, function="soft_margin_loss") == []
