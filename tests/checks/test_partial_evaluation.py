"""A score over only part of the evaluation data."""

import pytest

from netvet.checks.partial_evaluation import partial_evaluation
from netvet.core import Facts, Location


def evaluation(batches, samples, **more):
    record = {"model": "Net", "loader": "train.py:30", "loader_batches": 8, "loader_samples": 500}
    return {**record, "batches": batches, "samples": samples, "accuracy": 0.9, "file": "t.py", "line": 60, **more}


def test_fires_on_the_first_batch_only():
    (finding,) = partial_evaluation(Facts.of(evaluation(1, 64), evaluation(1, 64)))
    assert finding.message == (
        "only the first of 8 batches is evaluated (64 of 500 samples): "
        "the accuracy of 0.9 is known to within 0.073 only"
    )
    assert finding.location == Location("t.py", 60)
    assert finding.severity == "warning"


def test_fires_on_a_few_batches_with_a_wide_error_bar():
    (finding,) = partial_evaluation(Facts.of(evaluation(2, 128)))
    assert "2 of 8 batches are evaluated" in finding.message
    assert finding.severity == "warning"


def test_a_loss_estimated_from_some_batches_is_a_note():
    assert [f.severity for f in partial_evaluation(Facts.of(evaluation(2, 128, accuracy=None)))] == ["note"]


def test_a_large_part_is_a_note():
    assert [f.severity for f in partial_evaluation(Facts.of(evaluation(1, 2000, loader_samples=10000)))] == ["note"]


def test_is_quiet_beside_a_full_evaluation():
    assert partial_evaluation(Facts.of(evaluation(1, 64), evaluation(8, 500), evaluation(1, 64))) == []


@pytest.mark.parametrize(
    "one",
    [
        evaluation(8, 500),
        evaluation(9, 570),
        evaluation(1, 64, loader_batches=None),
        evaluation(20, 99, loader=None),
        {},
    ],
)
def test_is_quiet_on(one):
    assert partial_evaluation(Facts.of(one)) == []


def test_a_short_last_batch_is_a_note():
    uneven = evaluation(8, 453, accuracy_of_batch_means=0.86, last_batch=5)
    (finding,) = partial_evaluation(Facts.of(uneven))
    assert finding.message == (
        "the accuracy is 0.9 over samples but 0.86 as a mean over batches: the last batch has 5 samples"
    )
    assert finding.severity == "note"


def loader(samples, batches, **more):
    record = {"name": "train.py:31", "phase": "eval", "drop_last": True, "samples": samples, "batches": batches}
    return Facts.of({**record, "batch_size": 64, "file": "train.py", "line": 31, **more})


def test_fires_on_dropped_samples():
    (finding,) = partial_evaluation(Facts(), loader(100, 1))
    assert finding.message == "drop_last leaves 36.0% of the 100 evaluation samples of train.py:31 out of every score"
    assert finding.severity == "warning"


def test_a_few_dropped_samples_are_a_note():
    assert [f.severity for f in partial_evaluation(Facts(), loader(1000, 15))] == ["note"]


@pytest.mark.parametrize(
    "loaders",
    [loader(128, 2), loader(100, 2, drop_last=False), loader(100, 1, phase="train"), loader(None, 1), Facts.of({})],
)
def test_is_quiet_on_whole_loaders(loaders):
    assert partial_evaluation(Facts(), loaders) == []
