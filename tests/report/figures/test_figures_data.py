"""Figures of data audits, against naive computations; hostile names and missing pieces."""

import math

import numpy as np
import pytest

from netvet.checks import load
from netvet.core import Facts
from netvet.report.figures import figures_of
from netvet.report.page_view import pictures_of
from netvet.signals import SIGNALS
from netvet.testing import PlainSignals

HOSTILE = "</script><script>alert(1)</script>\u202e"
AUDIT = [name for name, signal in SIGNALS.items() if signal.cost == "audit"]
PIXELS = {"width": 1, "height": 1, "channels": 1, "data": "AA=="}


def drawn(**signals):
    figures, problems = figures_of(PlainSignals({name: Facts(records) for name, records in signals.items()}))
    assert problems == []
    assert len({one["id"] for one in figures}) == len(figures)
    return {one["id"]: one for one in figures}


SPLITS = [
    {"split": "train", "role": "train", "kind": "table", "samples": 4, "classes": ["a", "b"], "counts": [3, 1]},
    {"split": "val", "role": "val", "kind": "table", "samples": 2, "classes": ["a", HOSTILE], "counts": [1, 1]},
]


def column(split, name="age", **more):
    values = {"0": 1.0, "0.5": 2.0, "1": 9.0}
    return {"split": split, "feature": name, "kind": "numbers", "count": 8, "missing": 2, "infinite": 0, "distinct": 90,
            "quantiles": values, "top": [[2.0, 5], [1.0, 3]]} | more  # fmt: skip


def test_classes_are_shares_of_each_split():
    made = drawn(data_splits=SPLITS)["data-classes"]
    assert made["categories"] == ["a", "b", HOSTILE]
    assert [bar["values"] for bar in made["series"]] == [[0.75, 0.25, None], [0.5, None, 0.5]]
    assert [bar["role"] for bar in made["series"]] == ["train", "val"]


def test_columns_of_many_values_are_cumulative_and_those_of_few_are_bars():
    made = drawn(data_splits=SPLITS, data_features=[column("train"), column("val", quantiles={"0": 1.0, "1": 4.0})])
    figure = made["data-column-0-age"]
    assert [(one["x"], one["y"]) for one in figure["curves"]] == [
        ([1.0, 2.0, 9.0], [0.0, 0.5, 1.0]),
        ([1.0, 4.0], [0.0, 1.0]),
    ]
    few = drawn(data_splits=SPLITS, data_features=[column("train", distinct=2)])["data-column-0-age"]
    assert (few["categories"], few["series"][0]["values"]) == (["2", "1"], [0.5, 0.3])


def test_what_is_missing_is_a_share_of_all_samples():
    made = drawn(
        data_splits=SPLITS, data_features=[column("train"), column("val", missing=0), column("train", "x", missing=0)]
    )
    figure = made["data-missing"]
    assert (figure["categories"], [bar["values"] for bar in figure["series"]]) == (["age"], [[0.2], [0.0]])


def test_a_column_of_one_value_and_values_of_a_tensor_have_no_picture_unless_they_moved():
    one = column("train", distinct=1, top=[[2.0, 8]])
    assert not any(name.startswith("data-column") for name in drawn(data_splits=SPLITS, data_features=[one]))
    tensor = [SPLITS[0] | {"kind": "tensor"}]
    features = [column("train", str(i)) for i in range(9)]
    drift = [
        {
            "train": "train",
            "split": "val",
            "area": 0.9,
            "moved": [{"column": "7", "distance": 0.5, "p": 0.001}, {"column": "8", "distance": 0.1, "p": 0.9}],
        }
    ]
    made = drawn(data_splits=tensor, data_features=features, split_drift=drift)
    assert [name for name in made if name.startswith("data-column")] == ["data-column-0-7"]
    assert made["data-column-0-7"]["title"] == "Distribution of value 7"
    series = made["data-drift-0"]["series"]
    assert [(bar["name"], bar["values"]) for bar in series] == [
        ("more than chance", [0.5, None]), ("within chance", [None, 0.1]),
    ]  # fmt: skip
    assert "0.90" in made["data-drift-0"]["about"]


def test_the_histogram_of_losses_counts_every_sample():
    losses = np.random.default_rng(0).gamma(1.0, size=500).tolist()
    made = drawn(sample_losses=[{"losses": losses}])["sample-loss-histogram"]
    edges, values = made["edges"], made["series"][0]["values"]
    assert sum(values) == 500
    naive = [sum(edges[i] <= v < edges[i + 1] for v in losses) for i in range(len(values) - 1)]
    assert values[:-1] == naive


def test_the_cartography_parts_easy_from_hard_samples():
    record = {"confidence": [0.9, 0.2, None], "variability": [0.1, 0.3, 0.2], "keys": ["a", HOSTILE, "c"], "losses": []}
    easy, hard = drawn(sample_losses=[record])["sample-cartography"]["clouds"]
    assert (easy["x"], easy["y"], easy["names"]) == ([0.1], [0.9], ["a"])
    assert (hard["y"], hard["names"]) == ([0.2], [HOSTILE])
    big = {"confidence": [0.9] * 5000, "variability": [0.1] * 5000, "keys": []}
    figure = drawn(sample_losses=[big])["sample-cartography"]
    assert len(figure["clouds"][0]["x"]) <= 1500
    assert "One of 4 samples" in figure["about"]


def picture(key, split="train", **more):
    return {"split": split, "key": key, "named": True, "label": "a", "text": None, "pixels": PIXELS, "why": None} | more


SUSPECTS = {"split": "train", "examples": [{"key": HOSTILE, "given": "a", "suggested": "b", "given_probability": 0.01,
            "suggested_probability": 0.9}], "pairs": {"a -> b": 3, "b -> a": 1}}  # fmt: skip


def test_suspects_are_shown_with_what_is_suggested():
    made = drawn(label_suspects=[SUSPECTS], sample_pictures=[picture(HOSTILE)])
    (item,) = made["data-suspects"]["items"]
    assert (item["label"], item["prediction"], item["pixels"]) == ("a", "b", PIXELS)
    assert "0.01 against 0.9" in item["note"]
    table = made["data-suspects-pairs"]
    assert (table["rows"], table["values"]) == (["a", "b"], [[None, 3.0], [1.0, None]])
    assert made["data-suspects-list"]["rows"] == [["train", HOSTILE, "a", "b", 0.01, 0.9]]


def test_what_could_not_be_read_again_is_said_and_what_was_not_kept_is_left_out():
    gone = picture(HOSTILE, pixels=None, why="it could not be read again")
    (item,) = drawn(label_suspects=[SUSPECTS], sample_pictures=[gone])["data-suspects"]["items"]
    assert item["text"] == "it could not be read again."
    assert "data-suspects" not in drawn(label_suspects=[SUSPECTS])


def test_pairs_of_two_splits_are_found_by_their_whole_names():
    near = {"split": "train", "examples": [{"samples": ["train: x", "val: x"], "distance": 0.25}]}
    equal = {"train_split": "train", "overlap_keys": [["val: x", "train: x"]], "duplicate_keys": []}
    kept = [picture("x", "train", label="1"), picture("x", "val", label="2")]
    made = drawn(near_duplicates=[near], samples=[equal], sample_pictures=kept)
    assert [item["label"] for item in made["data-near"]["items"]] == ["1", "2"]
    assert [item["label"] for item in made["data-equal"]["items"]] == ["2", "1"]
    assert made["data-near-list"]["rows"] == [[1, "train: x", "val: x", "0.25 apart"]]


def test_an_outlier_along_several_axes_is_shown_once():
    records = [{"split": "train", "axis": name, "side": "high", "samples": 1, "limit": 1.0, "median": 0.0,
                "examples": [{"sample": "x", "value": 3.0}]} for name in ("size", "light")]  # fmt: skip
    made = drawn(outliers=records, sample_pictures=[picture("x")])
    (item,) = made["data-outliers"]["items"]
    assert "size high: 3, limit 1; light high" in item["note"]
    assert made["data-outliers-axes"]["categories"] == ["size, high", "light, high"]


@pytest.mark.parametrize("value", [None, 3, "text", [], {}, [None], {"a": None}, [{"a": 1}], math.nan, HOSTILE])
def test_no_figure_of_an_audit_fails_on_missing_or_foreign_pieces(value):
    for name in (*AUDIT, "samples", "random_labels"):
        drawn(**{name: [dict.fromkeys(SIGNALS[name].fields, value), {}]})


DATA_CHECKS = {
    "label-errors": "data-suspects", "outlier-samples": "data-outliers", "conflicting-labels": "data-conflicts-near",
    "corrupt-samples": "data-data-problems", "low-quality-images": "data-image-quality-images",
    "leaking-feature": "data-leaks", "spurious-feature": "data-spurious", "split-drift": "data-drift-0",
    "group-overlap": "data-groups", "future-in-train": "data-times", "wrong-layout": "data-layout-0",
    "too-few-samples": "data-learning-curve", "token-out-of-range": "data-tokens", "below-human": "data-people",
    "duplicate-samples": "data-equal", "split-overlap": "data-equal",
}  # fmt: skip


def test_every_finding_of_data_leads_to_its_own_picture():
    records = {
        "data_splits": SPLITS, "data_features": [column("train")], "label_suspects": [SUSPECTS],
        "outliers": [{"split": "train", "axis": "size", "samples": 1, "examples": [{"sample": "x", "value": 1.0}]}],
        "conflicts": [{"kind": "near", "examples": [{"samples": ["x"], "targets": ["a"]}]}],
        "data_problems": [{"split": "train", "what": "empty", "count": 1, "examples": ["x"]}],
        "image_quality": [{"split": "train", "issue": "dark", "count": 1, "examples": ["x"]}],
        "feature_leaks": [{"column": "x", "alone": 1.0, "next": 0.1}],
        "spurious_features": [{"attribute": "x", "skill": 1.0, "permuted": 0.1}],
        "split_drift": [{"train": "train", "split": "val", "moved": [{"column": "x", "distance": 0.5}]}],
        "group_overlap": [{"column": "x", "split": "val", "shared_samples": 1, "samples": 2}],
        "time_order": [{"split": "val", "late": 1, "samples": 2}],
        "split_layout": [{"split": "val", "train": "train", "change": "mirrored", "distance": 2, "changed": 1}],
        "learning_curve": [{"score": "accuracy", "sizes": [1, 2], "scores": [0, 1], "spreads": [0, 0]}],
        "data_tokens": [{"split": "train", "tokens": 5}], "human_baseline": [{"annotator": "x", "accuracy": 0.5}],
        "samples": [{"train_split": "train", "overlap_keys": [["val: x", "train: x"]], "duplicate_keys": [["x", "x"]]}],
        "sample_pictures": [picture("x"), picture("x", "val"), picture(HOSTILE)],
    }  # fmt: skip
    figures = list(drawn(**records).values())
    checks = {name: load(name) for name in DATA_CHECKS}
    rules = [{"name": name, "signals": [*one.required, *one.optional]} for name, one in checks.items()]
    found = pictures_of({"rules": rules}, figures)
    assert {name: ids[0] for name, ids in found.items()} == DATA_CHECKS


def test_an_outcome_is_a_picture_of_what_it_suspects_alone():
    def record(name, *suspects):
        return {
            "experiment": name,
            "verdict": "failed",
            "message": "",
            "evidence": {"losses": [1.0]},
            "suspects": suspects,
        }

    figures = list(drawn(experiments=[record("known-data", "b"), record("determinism", "a", "b")]).values())
    rules = [{"name": name, "signals": ["experiments"]} for name in ("a", "b", "c")]
    assert pictures_of({"rules": rules}, figures) == {"b": ["experiment-known-data-loss"]}
