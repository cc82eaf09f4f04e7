"""Rows of parts are joined in order; targets are classes or numbers by what they are."""

import numpy as np
import pytest

from netvet.data.chunks import Numbered, Problem, role_of
from netvet.data.describe import fingerprints
from netvet.data.index import Audited, Rows, joined, splits_of, unlike
from netvet.data.summaries import Moments


def rows(count, keys=None, targets=None, **rest):
    return Rows(
        keys, np.arange(count, dtype=np.uint64), np.zeros((count, 1), np.float32), np.zeros((count, 0), np.uint64),
        rest.pop("attributes", {}), targets, **rest,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "role"),
    [("train", "train"), ("images_test", "test"), ("Validation", "val"), ("dev.csv", "val"), ("latest", "other")],
)
def test_the_role_of_a_split_is_in_its_name(name, role):
    assert role_of(name) == role


def test_numbered_keys_are_the_numbers():
    keys = Numbered(range(3, 9))
    assert list(keys) == ["3", "4", "5", "6", "7", "8"]
    assert list(keys[2:4]) == ["5", "6"]
    assert keys[-1] == "8"


def test_attributes_that_some_parts_lack_are_unknown_there():
    found = joined([rows(2, attributes={"a": np.array([1.0, 2.0])}), rows(1)])
    assert np.array_equal(found.attributes["a"], [1, 2, np.nan], equal_nan=True)


def test_targets_count_only_if_all_parts_have_them():
    assert joined([rows(2, targets=np.array([0, 1])), rows(1)]).targets is None
    assert joined([rows(2, targets=np.array([0, 1])), rows(0)]).targets.tolist() == [0, 1]


def test_a_sample_without_a_key_has_its_number_which_counts_those_that_cannot_be_used():
    lost = (Problem("3", "broken row", "..."),)
    found = joined([rows(2), rows(3, ["2", "4", "5"], problems=lost), rows(2)])
    assert found.keys == ["0", "1", "2", "4", "5", "6", "7"]
    assert found.problems == lost
    assert joined([rows(2), rows(2)]).keys is None


def test_whole_numbers_that_are_few_are_classes_in_order_of_size():
    apart = {"val": rows(4, targets=np.array([10, 2, 2, 10])), "train": rows(3, targets=np.array([0, 1, 2]))}
    assert splits_of(apart)[1] == ()  # with gaps, and hardly repeated
    targets = np.arange(300) % 11
    splits, classes = splits_of({"val": rows(300, targets=targets), "train": rows(300, targets=targets)})
    assert classes == tuple(map(str, range(11)))
    assert list(splits) == ["train", "val"]
    assert splits["val"].labels.tolist() == targets.tolist()


def test_numbers_with_a_fraction_are_to_be_predicted():
    splits, classes = splits_of({"train": rows(50, targets=np.linspace(0, 9, 50))})
    assert classes == ()
    assert splits["train"].labels is None
    assert splits["train"].numbers.tolist() == np.linspace(0, 9, 50).tolist()


def test_the_user_says_what_targets_are():
    targets = np.arange(300) % 3
    assert splits_of({"train": rows(300, targets=targets)}, "regression")[1] == ()
    assert len(splits_of({"train": rows(50, targets=np.arange(50) * 1.5)}, "classification")[1]) == 50


def test_strings_are_classes_and_none_of_them_is_missing():
    targets = np.array(["b", "a", None, "b"], dtype=object)
    splits, classes = splits_of({"train": rows(4, targets=targets)})
    assert classes == ("a", "b")
    assert splits["train"].labels.tolist() == [1, 0, -1, 1]


def test_the_only_split_is_the_training_data_whatever_its_name():
    splits, classes = splits_of({"all": rows(3)})
    data = Audited("table", "x", splits, classes)
    assert data.train is splits["all"]
    assert data.held_out == []


def test_hashes_are_equal_for_equal_values_in_any_dtype():
    draw = np.random.default_rng(0)
    values = draw.integers(-9, 9, (50, 6)).astype(np.float64)
    values[0] = [0.0, -0.0, np.nan, -np.nan, np.inf, 1]
    values[1] = [-0.0, 0.0, -np.nan, np.nan, np.inf, 1]
    found = fingerprints.of_rows(values)
    assert found[0] == found[1]
    assert np.array_equal(found, fingerprints.of_rows(values.astype(np.float32)))
    assert len(set(found.tolist())) == len(np.unique(np.nan_to_num(values, nan=1e9), axis=0))


@pytest.mark.parametrize("cuts", [[0], [100], [1, 2, 199], [50, 100, 150]])
def test_moments_merge_to_those_of_all(cuts):
    values = np.random.default_rng(0).normal(1e6, 1, (200, 3))
    values[::7, 1], values[3, 2], values[:, 0] = np.nan, np.inf, 5.0
    parts = [Moments.of(part) for part in np.split(values, cuts)]
    found = parts[0]
    for part in parts[1:]:
        found = found.merged(part)
    kept = np.where(np.isfinite(values), values, np.nan)
    assert found.mean == pytest.approx(np.nanmean(kept, axis=0), rel=1e-12)
    assert found.std == pytest.approx(np.nanstd(kept, axis=0), rel=1e-6, abs=1e-9)
    assert found.missing.tolist() == [0, 29, 0]
    assert found.infinite.tolist() == [0, 0, 1]
    assert found.low.tolist() == np.nanmin(kept, axis=0).tolist()


def test_splits_of_another_form_are_told():
    wide = tuple(f"projection {i} of 3072 values" for i in range(128))
    parts = {
        "train": rows(3, names=("a", "b")), "val": rows(3, names=("a", "b")), "test": rows(3, names=("a",)),
        "other": rows(0), "wide": rows(3, names=wide),
    }  # fmt: skip
    test, other = unlike(list(splits_of(parts)[0].values()))
    assert test.startswith("samples of test are of another form than those of train (without b): near samples, drift")
    assert "(3072 values against 1 values)" in other
