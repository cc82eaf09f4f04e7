"""The signals of an ordinary run, made from data: the same checks serve both."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from netvet.checks import load
from netvet.core import Facts
from netvet.data.faults import NotAssessable
from netvet.data.faults.sides import inputs, target_in_input, targets
from tests.data.made import audited

RANDOM = np.random.default_rng(0)
NUMBERS = RANDOM.normal(size=(200, 6))
NAMES = tuple("abcdef")


def told(check, data, **more):
    return load(check)(Facts(more.pop("of", inputs)(data)), **more)


def test_rare_classes_are_named():
    labels = np.array(["cat"] * 480 + ["dog"] * 5)
    (finding,) = told("class-imbalance", audited({"train": (np.zeros((485, 2)), labels)}), of=targets)
    assert finding.message.startswith("class dog has 1.03% of the training samples: always guessing class cat")
    assert finding.severity == "note"


def test_a_class_that_is_missing_is_named():
    data = audited({"train": (NUMBERS[:100], ["a", "b"] * 50), "val": (NUMBERS[:60], ["a", "b", "c"] * 20)})
    (finding,) = told("missing-class", data, of=targets)
    assert "class c is in none of 100 training samples, but in 20 of 60 evaluation samples" in finding.message


def test_labels_that_are_off_by_one_in_a_split():
    train = np.arange(400) % 4
    data = audited({"train": (np.zeros((400, 2)), train + 1), "val": (np.zeros((400, 2)), train)})
    (finding,) = load("label-out-of-range")(targets=Facts(targets(data)))
    assert "training labels run from 1 to 4, evaluation labels from 0 to 3" in finding.message


def test_one_target_for_all_is_named_in_a_table_and_not_in_a_folder_of_images():
    same = {"train": (NUMBERS, ["yes"] * 200)}
    (finding,) = told("constant-target", audited(same), of=targets)
    assert "all 200 training targets are yes" in finding.message
    assert told("constant-target", audited(same, kind="image"), of=targets) == []


def test_numbers_of_regression():
    (record,) = targets(audited({"train": (NUMBERS, NUMBERS[:, 0] * 3 + 1)}))
    assert record["kind"] == "regression"
    assert record["mean"] == pytest.approx(float((NUMBERS[:, 0] * 3 + 1).mean()))
    assert record["std"] == pytest.approx(float((NUMBERS[:, 0] * 3).std()))


def test_without_targets_nothing_is_assessed():
    with pytest.raises(NotAssessable, match="no targets"):
        targets(audited({"train": (NUMBERS, None)}))


def test_infinite_values_are_found_with_their_samples():
    broken = NUMBERS.copy()
    broken[[3, 50], 2] = np.inf
    (finding,) = told("non-finite-input", audited({"train": (broken, None)}, names=NAMES))
    assert "hold 2 NaN or infinite values in 2 of 200 samples, most of them in column c" in finding.message
    assert finding.evidence["samples"] == ["3", "50"]


def test_empty_cells_of_a_table_are_a_note():
    gaps = NUMBERS.copy()
    gaps[:20, 1] = np.nan
    (finding,) = told("non-finite-input", audited({"train": (gaps, None)}, names=NAMES))
    assert finding.severity == "note"
    assert finding.message.startswith("the train data miss 20 values (b)")


def test_columns_that_never_vary_are_named():
    constant = NUMBERS.copy()
    constant[:, 4] = 7
    (finding,) = told("constant-feature", audited({"train": (constant, None)}, names=NAMES))
    assert finding.message == "1 of 6 features of the train data never vary, in all 200 samples (e)"


def test_the_scale_of_files_is_no_fault_but_that_of_what_enters_a_net_is():
    digits = {"train": (NUMBERS * 1000, None)}
    assert told("unscaled-input", audited(digits)) == []
    assert len(told("unscaled-input", audited(digits, live=True))) == 1


def test_splits_on_two_scales_are_found_in_files_too():
    digits = load_digits().data
    data = audited({"train": (digits[:900] / 16, None), "test": (digits[900:] * 16, None)}, kind="tensor")
    (finding,) = told("mismatched-normalisation", data)
    assert "in training, but mean" in finding.message
    assert finding.severity is None
    same = {"train": (digits[:900], None), "test": (digits[900:], None)}
    assert told("mismatched-normalisation", audited(same, kind="tensor")) == []


def test_moments_are_those_of_all_values():
    (record,) = inputs(audited({"train": (NUMBERS, None)}))
    assert record["mean"] == pytest.approx(float(NUMBERS.astype(np.float32).astype(float).mean()), abs=1e-7)
    assert record["std"] == pytest.approx(float(NUMBERS.astype(np.float32).astype(float).std()))
    assert (record["min"], record["max"]) == pytest.approx((NUMBERS.min(), NUMBERS.max()))


def test_a_column_that_equals_the_target_is_found():
    labels = RANDOM.integers(0, 3, 200)
    copied = np.c_[NUMBERS, labels]
    (finding,) = told("target-in-input", audited({"train": (copied, labels)}, names=(*NAMES, "y")), of=target_in_input)
    assert "column y of the input of made equals the target" in finding.message
    assert target_in_input(audited({"train": (NUMBERS, labels)})) == []
