"""Rare classes."""

import pytest

from netvet.checks.class_imbalance import class_imbalance
from netvet.core import Facts, LayerSeries

COUNTS = {"site": "a", "phase": "train", "kind": "binary", "counts": [970, 30]}
TOP = LayerSeries.of(a=[1.0] * 8)


def test_fires_when_only_the_common_class_is_predicted():
    (finding,) = class_imbalance(Facts.of(COUNTS), None, TOP)
    assert "class 1 has 3.00% of the training samples" in finding.message
    assert finding.severity == "warning"


def test_is_quiet_with_weights():
    assert class_imbalance(Facts.of(COUNTS), Facts.of({"site": "a", "weight": [1, 30]}), TOP) == []


def test_is_a_note_while_both_are_predicted():
    assert [f.severity for f in class_imbalance(Facts.of(COUNTS), None, LayerSeries.of(a=[0.95] * 8))] == ["note"]


def test_is_quiet_below_the_limit():
    assert class_imbalance(Facts.of({**COUNTS, "counts": [600, 400]}), None, TOP) == []


def test_is_quiet_without_fields():
    assert class_imbalance(Facts.of({})) == []


def test_warns_of_a_class_that_is_common_in_evaluation_only():
    train = {"site": "t:4", "phase": "train", "kind": "classes", "counts": [10, 3000, 2900, 3100]}
    even = {"site": "t:9", "phase": "eval", "kind": "classes", "counts": [250, 240, 260, 250]}
    (finding,) = class_imbalance(Facts.of(train, even))
    assert finding.severity == "warning"
    assert "25% of those in evaluation" in finding.message
    rare = {**even, "counts": [2, 340, 330, 328]}
    assert [f.severity for f in class_imbalance(Facts.of(train, rare))] == ["note"]


def test_counts_the_targets_of_a_comparison_as_well():
    train = {"site": "t:4", "phase": "train", "kind": "classes", "counts": [10, 3000, 2900, 3100]}
    compared = {"split": "val", "target_counts": [250, 240, 260, 250]}
    assert [f.severity for f in class_imbalance(Facts.of(train), metrics=Facts.of(compared))] == ["warning"]


VERY_RARE = {**COUNTS, "counts": [9900, 100]}
MADE = {"phase": "eval", "op": "gt", "counts": [4000, 0]}


def of_labels(made, top=TOP):
    (finding,) = class_imbalance(Facts.of(VERY_RARE), None, top, predicted_labels=Facts.of(made))
    return finding


def test_warns_of_a_very_rare_class_that_the_script_never_predicts():
    finding = of_labels(MADE)
    assert finding.severity == "warning"
    assert "0 of 4000 predictions" in finding.message
    assert of_labels({**MADE, "counts": [2, 3998]}).severity == "warning"


@pytest.mark.parametrize("changes", [{"counts": [3960, 40]}, {"counts": [900, 0]}, {"phase": "train"}, {"counts": []}])
def test_a_note_where_it_is_predicted_or_could_not_be(changes):
    assert of_labels({**MADE, **changes}).severity == "note"


def test_a_note_where_scores_only_rank():
    assert [f.severity for f in class_imbalance(Facts.of(VERY_RARE), None, TOP)] == ["note"]


def test_targets_that_become_constant_are_no_imbalance():
    late = {**COUNTS, "counts": [1400, 20_000], "counts_before": [1400, 3300]}
    assert class_imbalance(Facts.of(late), None, TOP) == []
    assert class_imbalance(Facts.of({**late, "counts_before": [0, 20]}), None, TOP) != []  # too few to go by
