"""Equal inputs with different targets."""

import numpy as np
import pytest

from netvet.data.chunks import Chunk
from netvet.data.describe import describe
from netvet.data.faults import NotAssessable
from netvet.data.faults.conflicts import conflicts
from netvet.data.find import FAULTS
from netvet.data.index import Audited, splits_of


def audited(inputs, targets, task=None):
    rows = {"train": describe("tensor", Chunk([str(i) for i in range(len(inputs))], inputs, targets))}
    splits, classes = splits_of(rows, task)
    return Audited("tensor", "data", splits, classes)


def classified(samples=300, seed=0):
    generator = np.random.default_rng(seed)
    return generator.normal(size=(samples, 8)), generator.integers(0, 3, samples)


def test_equal_inputs_with_other_labels_are_named():
    inputs, labels = classified()
    inputs[10], labels[0], labels[10] = inputs[0], 0, 2
    inputs[11], labels[11] = inputs[1], labels[1]
    (record,) = conflicts(audited(inputs, labels))
    assert (record["kind"], record["groups"], record["samples"]) == ("equal", 1, 2)
    assert record["examples"] == [{"samples": ["0", "10"], "targets": ["0", "2"]}]
    assert record["marked"]["conflicting label (equal)"]["train"].tolist() == [0, 10]
    assert set(record["marked"]) <= set(FAULTS["conflicting-labels"])  # so that they are found by the check's name


def test_near_inputs_with_other_labels_are_told_apart():
    inputs, labels = classified()
    inputs[10], labels[0], labels[10] = inputs[0] + 1e-4, 0, 2
    (record,) = conflicts(audited(inputs, labels))
    assert (record["kind"], record["samples"]) == ("near", 2)


def test_coarse_features_conflict_by_chance():
    generator = np.random.default_rng(0)
    (record,) = conflicts(audited(generator.integers(0, 3, (500, 5)), generator.integers(0, 3, 500)))
    assert record["by_chance"]
    assert "marked" not in record


def numbers(samples=400, noise=0.1, seed=0):
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(samples, 3))
    return inputs, inputs @ np.array([1.0, 2.0, -1.0]) + noise * generator.normal(size=samples)


def test_measuring_twice_is_no_conflict():
    inputs, targets = numbers(noise=1.0)
    inputs[200:] = inputs[:200]
    targets[200:] = targets[:200] + np.random.default_rng(1).normal(size=200)
    assert conflicts(audited(inputs, targets, "regression")) == []


def test_targets_that_differ_by_more_than_those_of_neighbours_conflict():
    inputs, targets = numbers()
    inputs[10], targets[10] = inputs[0], targets[0] + 9.0
    (record,) = conflicts(audited(inputs, targets, "regression"))
    assert record["task"] == "regression"
    assert record["marked"]["conflicting label (equal)"]["train"].tolist() == [0, 10]


@pytest.mark.parametrize("seed", range(3))
def test_clean_data_have_none(seed):
    assert conflicts(audited(*classified(seed=seed))) == []
    assert conflicts(audited(*numbers(seed=seed), task="regression")) == []


def test_without_targets_nothing_is_said():
    with pytest.raises(NotAssessable, match="targets"):
        conflicts(audited(classified()[0], None))
