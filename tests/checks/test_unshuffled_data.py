"""Order of classes."""

from netvet.checks.unshuffled_data import unshuffled_data
from netvet.core import Facts, Location

SICK = {
    "site": "t.py:9",
    "phase": "train",
    "kind": "classes",
    "batch_purity": 0.97,
    "expected_purity": 0.2,
    "purity_z": 80.0,
    "lag1": 0.9,
}


def test_fires_on_the_fault():
    (finding,) = unshuffled_data(Facts.of(SICK))
    assert "97% of a batch" in finding.message


def test_is_quiet_for_random_batches():
    assert unshuffled_data(Facts.of({**SICK, "batch_purity": 0.21, "purity_z": 1.0})) == []


def test_is_quiet_for_a_few_classes_per_batch():
    assert unshuffled_data(Facts.of({**SICK, "batch_purity": 0.3})) == []


def test_is_quiet_for_a_gan():
    assert unshuffled_data(Facts.of({**SICK, "kind": "binary", "batch_purity": 1.0})) == []


def test_is_quiet_in_evaluation():
    assert unshuffled_data(Facts.of({**SICK, "phase": "eval"})) == []


def test_is_quiet_when_the_order_changes():
    assert unshuffled_data(Facts.of(SICK), Facts.of({"same_order": False})) == []


def test_is_quiet_without_fields():
    assert unshuffled_data(Facts.of({})) == []


NUMBERS = {
    "site": "t.py:9",
    "phase": "train",
    "kind": "regression",
    "batch_share": 0.93,
    "expected_batch_share": 0.02,
    "batch_share_z": 180.0,
    "lag1": 0.95,
}
FIXED = Facts.of({"same_order": True})


def test_fires_on_sorted_numbers():
    (finding,) = unshuffled_data(Facts.of(NUMBERS), FIXED)
    assert "93% of its variance" in finding.message


def test_numbers_must_come_in_the_same_order_in_each_epoch():
    assert unshuffled_data(Facts.of(NUMBERS)) == []
    assert unshuffled_data(Facts.of(NUMBERS), Facts.of({"same_order": False})) == []


def test_is_quiet_for_numbers_in_random_order():
    assert unshuffled_data(Facts.of({**NUMBERS, "batch_share": 0.025, "batch_share_z": 1.2, "lag1": 0.0}), FIXED) == []


def test_is_quiet_for_a_recurrent_net_that_reads_a_series():
    modules = Facts.of({"cls": "LSTM"})
    assert unshuffled_data(Facts.of(NUMBERS), FIXED, None, None, modules) == []


def test_points_at_the_line_that_cuts_the_batches():
    cut = Facts.of({"phase": "train", "batch_file": "t.py", "batch_line": 4})
    (finding,) = unshuffled_data(Facts.of(SICK), inputs=cut)
    assert finding.location == Location("t.py", 4)
