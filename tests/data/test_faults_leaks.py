"""Columns that give the target away are told from good features."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine, make_blobs

from netvet.checks.leaking_feature import leaking_feature
from netvet.core import Facts
from netvet.data.faults import NotAssessable
from netvet.data.faults.leaks import feature_leaks
from tests.data.made import audited


def found(inputs, targets, **more):
    return feature_leaks(audited({"train": (inputs, targets)}, **more))


def warned(records):
    return [f.where for f in leaking_feature(Facts(records)) if f.severity == "warning"]


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes])
def test_good_features_are_not_accused(load):
    data = load()
    task = "regression" if load is load_diabetes else None
    assert found(data.data, data.target, task=task) == []


@pytest.mark.parametrize("seed", range(10))
def test_clusters_are_not_accused(seed):
    inputs, labels = make_blobs(300, n_features=3, centers=2, random_state=seed)
    assert warned(found(inputs, labels)) == []


def test_a_threshold_on_one_column_is_a_note():
    inputs = np.random.default_rng(0).normal(size=(600, 5))
    records = found(inputs, (inputs[:, 2] > 0).astype(int))
    assert [(f.where, f.severity) for f in leaking_feature(Facts(records))] == [("2", "note")]


def leaks_of(labels, random):
    return {
        "code": np.array([7.0, 3.0, 5.0])[labels],
        "missing": np.where(labels == 1, np.nan, random.normal(size=len(labels))),
        "later": np.where(labels == 1, 0.0, random.exponential(size=len(labels))),
    }


@pytest.mark.parametrize("how", ["code", "missing", "later"])
def test_names_how_a_column_leaks(how):
    wine = load_wine()
    column = leaks_of(wine.target, np.random.default_rng(0))[how]
    (record,) = found(np.c_[wine.data, column], wine.target)
    assert (record["column"], record["how"]) == ("13", how)
    assert warned([record]) == ["13"]


def test_a_number_of_the_row_in_sorted_data_leaks():
    iris = load_iris()
    (record,) = found(np.c_[np.arange(150), iris.data], iris.target, names=("Id", "a", "b", "c", "d"))
    assert (record["column"], record["how"]) == ("Id", "counter")


def test_a_name_of_the_rows_is_a_note():
    iris = load_iris()
    data = audited({"train": (iris.data, iris.target, {"Id": np.arange(150.0)})})
    assert [f.severity for f in leaking_feature(Facts(feature_leaks(data)))] == ["note"]


def test_an_exact_function_of_the_target_leaks():
    data = load_diabetes()
    records = found(np.c_[data.data, np.exp(data.target / 100)], data.target, task="regression")
    assert [(r["column"], r["how"]) for r in records] == [("10", "function")]


def test_a_single_column_is_not_assessed():
    with pytest.raises(NotAssessable, match="single column"):
        found(np.arange(100.0)[:, None], np.arange(100) % 2)


@pytest.mark.parametrize(("filled", "others", "leaks"), [(0.8, 0.0, True), (0.8, 0.1, False), (0.2, 0.0, False)])
def test_what_only_samples_of_one_class_have_leaks(filled, others, leaks):
    random = np.random.default_rng(3)
    labels = random.integers(0, 2, 800)
    has = random.random(800) < np.where(labels == 1, filled, others)
    inputs = np.c_[random.normal(size=(800, 3)), np.where(has, random.integers(1, 6, 800), np.nan)]
    assert warned(found(inputs, labels)) == (["3"] if leaks else [])
