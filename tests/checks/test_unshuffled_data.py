"""Order of classes."""

from netvet.checks.unshuffled_data import unshuffled_data
from netvet.core import Facts

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
