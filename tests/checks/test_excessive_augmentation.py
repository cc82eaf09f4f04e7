"""The check follows what the experiment has measured."""

from netvet.checks.excessive_augmentation import excessive_augmentation
from netvet.core import Facts

TOLD = {
    "experiment": "augmentation", "verdict": "failed", "message": "it is wrong",
    "suspects": ["excessive-augmentation"],
    "evidence": {"lost": 0.5, "pairs": [[0, 1]]},
}  # fmt: skip


def test_fires_where_the_experiment_says_so():
    (finding,) = excessive_augmentation(Facts.of(TOLD))
    assert finding.message == "it is wrong"


def test_is_quiet_where_it_passed_or_found_another_fault():
    assert excessive_augmentation(Facts.of(TOLD | {"verdict": "passed"})) == []
    assert excessive_augmentation(Facts.of(TOLD | {"suspects": []})) == []
    assert excessive_augmentation(Facts.of(TOLD | {"experiment": "augmentation-trial"})) == []


def test_is_quiet_below_the_limit():
    assert excessive_augmentation(Facts.of(TOLD | {"evidence": {"lost": 0.2}})) == []
    assert excessive_augmentation(Facts.of(TOLD | {"evidence": {}})) == []
