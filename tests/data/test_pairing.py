"""Labels that are off by one, and what only looks like it."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine, make_classification, make_friedman1

from netvet.checks import load
from netvet.core import Facts
from netvet.data.audit import Options, audit
from netvet.data.faults.learnable import random_labels
from tests.data.made import audited

DIGITS = load_digits()


def found(inputs, targets, **options):
    (record,) = random_labels(audited({"train": (inputs, targets)}, **options))
    return record.get("shift"), [f.severity for f in load("random-labels")(Facts.of(record))]


def shuffled(inputs, targets, seed):
    order = np.random.default_rng(seed).permutation(len(inputs))[:500]
    return inputs[order], targets[order]


@pytest.mark.parametrize(("shift", "seed"), [(1, 0), (-1, 1)])
def test_labels_that_are_off_by_one_are_found(shift, seed):
    inputs, targets = shuffled(DIGITS.data, DIGITS.target, seed)
    assert found(inputs, np.roll(targets, -shift)) == (shift, ["warning"])


def test_numbers_that_are_off_by_one_are_found():
    inputs, targets = make_friedman1(400, random_state=0)
    assert found(inputs, np.roll(targets, 1), task="regression") == (-1, ["warning"])


@pytest.mark.parametrize("make", [load_wine, load_breast_cancer])
def test_data_as_they_are_have_no_shift(make):
    inputs, targets = make(return_X_y=True)
    assert found(inputs, targets) == (None, [])


def test_shuffled_labels_have_no_shift():
    inputs, targets = make_classification(400, random_state=1)
    assert found(inputs, np.random.default_rng(0).permutation(targets)) == (None, ["note"])


def test_labels_two_off_have_no_shift():
    inputs, targets = shuffled(DIGITS.data, DIGITS.target, 0)
    assert found(inputs, np.roll(targets, 2)) == (None, ["note"])


@pytest.mark.parametrize(("lags", "seed"), [(1, 0), (4, 1)])
def test_a_series_whose_samples_hold_the_past_has_no_shift(lags, seed):
    returns = np.random.default_rng(seed).normal(size=500)
    past = np.stack([returns[lags - 1 - k : -1 - k] for k in range(lags)], axis=1)
    other = np.random.default_rng(seed + 9).normal(size=(len(past), 3))
    coming = returns[lags:]
    assert found(np.concatenate([past, other], axis=1), (coming > 0).astype(int))[0] is None
    assert found(np.concatenate([past, other], axis=1), coming, task="regression")[0] is None


@pytest.mark.parametrize("seed", range(2))
def test_a_series_whose_samples_hold_a_mean_of_the_past_has_no_shift(seed):
    returns = np.random.default_rng(seed).normal(size=500)
    mean = np.convolve(returns, np.ones(3) / 3, "valid")[:-1]
    assert found(np.stack([mean, np.cos(np.arange(len(mean)))], 1), (returns[3:] > 0).astype(int))[0] is None


def test_sorted_data_have_no_shift():
    inputs, targets = shuffled(DIGITS.data, DIGITS.target, 0)
    order = np.argsort(targets, kind="stable")
    assert found(inputs[order], np.roll(targets[order], 1))[0] is None


def test_a_random_part_of_a_shifted_data_set_is_seen_by_the_numbers_of_its_samples():
    torch = pytest.importorskip("torch")
    from netvet.data.readers.torch_data import TorchData
    from netvet.data.script import setup_parts

    inputs, targets = shuffled(DIGITS.data, DIGITS.target, 0)
    whole = torch.utils.data.TensorDataset(torch.tensor(inputs), torch.tensor(np.roll(targets, 1)))
    parts = torch.utils.data.random_split(whole, [0.8, 0.2], torch.Generator().manual_seed(0))
    source = TorchData(setup_parts(dict(zip(("train", "val"), parts, strict=True)), "f"), "f", 60)
    (record,) = audit(source, Options(live=True)).signals["random_labels"]
    assert record["shift"] == -1
