"""The check follows what the experiment has measured."""

from netvet.checks.label_breaking_augmentation import label_breaking_augmentation
from netvet.core import Facts

TOLD = {
    "experiment": "augmentation", "verdict": "failed", "message": "it is wrong",
    "suspects": ["label-breaking-augmentation"],
    "evidence": {"lost": 0.5, "pairs": [[0, 1]]},
}  # fmt: skip


def test_fires_where_the_experiment_says_so():
    (finding,) = label_breaking_augmentation(Facts.of(TOLD))
    assert finding.message == "it is wrong"


def test_is_quiet_where_it_passed_or_found_another_fault():
    assert label_breaking_augmentation(Facts.of(TOLD | {"verdict": "passed"})) == []
    assert label_breaking_augmentation(Facts.of(TOLD | {"suspects": []})) == []
    assert label_breaking_augmentation(Facts.of(TOLD | {"experiment": "augmentation-trial"})) == []
