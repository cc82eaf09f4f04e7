"""What a report says of data before the verdict."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from netvet.core import Facts
from netvet.diagnose import diagnose
from netvet.report.as_json import as_json, schema
from netvet.report.data import DataView, lines, number, share
from netvet.report.plain import cells
from netvet.report.text import render
from netvet.report.view import build, plain
from netvet.testing import PlainSignals
from tests.report.test_view import closed

SPLIT = {
    "split": "train", "role": "train", "kind": "table", "samples": 1200, "classes": ["cat", "dog", "owl"],
    "counts": [1000, 199, 1], "problems": 0,
}  # fmt: skip
NUMBERS = {
    "split": "train", "feature": "age", "kind": "numbers", "count": 1140, "missing": 60, "infinite": 0, "mean": 40.25,
    "std": 11.5, "low": 17.0, "high": 90.0, "quantiles": {"0": 17.0, "0.5": 37.0, "1": 90.0}, "distinct": 74,
    "top": [[36.0, 45], [31.0, 44]], "correlated": ["hours", 0.07],
}  # fmt: skip
WORDS = {
    **NUMBERS, "feature": "colour", "kind": "words", "count": 1200, "missing": 0, "mean": None, "std": None,
    "low": None, "high": None, "quantiles": None, "distinct": 2, "top": [["red", 900], ["b\x1b[31mlue", 300]],
    "correlated": None,
}  # fmt: skip


def view(*splits: dict[str, Any], features: tuple[dict[str, Any], ...] = (NUMBERS, WORDS)) -> DataView:
    return {"splits": list(splits or (SPLIT,)), "features": list(features)}


def test_a_line_a_split_says_how_many_of_what() -> None:
    val = {**SPLIT, "split": "val", "samples": 30, "counts": [10, 10, 10]}
    assert lines(view(SPLIT, val)) == [
        "  split  samples  kind   size       classes",
        "  train    1,200  table  2 columns  3: rarest owl 0.083 %, commonest cat 83 %",
        "  val         30  table  -          3: each 33 %",
    ]


@pytest.mark.parametrize(
    ("kind", "features", "size"),
    [
        ("image", {"width": (32, 640), "height": (32, 32)}, "32..640 x 32"),
        ("text", {"characters": (3, 41.5)}, "3..41.5 characters"),
        ("audio", {"seconds": (1, 1)}, "1 seconds"),
        ("tensor", {"0": (0, 1)}, "1 value"),
        ("text", {}, "-"),
    ],
)
def test_the_size_is_told_in_the_terms_of_the_kind(kind: str, features: dict[str, Any], size: str) -> None:
    records = tuple({**NUMBERS, "feature": n, "low": low, "high": high} for n, (low, high) in features.items())
    assert f"  {size}  " in lines(view({**SPLIT, "kind": kind}, features=records))[1]


@pytest.mark.parametrize(
    ("counts", "told"), [(None, "-"), ([0, 0, 0], "-"), ([5, 0, 0], "3: rarest dog 0 %, commonest cat 100 %")]
)
def test_what_is_not_known_of_classes_is_a_dash(counts: list[int] | None, told: str) -> None:
    assert lines(view({**SPLIT, "counts": counts}))[1].endswith(f"  {told}")


def test_features_are_shown_when_asked_for() -> None:
    found = lines(view(), verbose=True)
    assert found[2:] == [
        "",
        "Features of train:",
        "  feature  missing   mean   std  lowest  median  highest  different  commonest",
        "  age          5 %  40.25  11.5      17      37       90         74  36 3.8 %, 31 3.7 %",
        "  colour       0 %      -     -       -       -        -          2  red 75 %, b\\x1b[31mlue 25 %",
    ]


def test_long_and_wide_names_are_cut_and_harm_no_column() -> None:
    named = [{**SPLIT, "split": name} for name in ("日本語", "x" * 60)]
    found = lines(view(*named))
    assert (
        len(
            {
                line.index("table") + cells(line[: line.index("table")]) - len(line[: line.index("table")])
                for line in found[1:]
            }
        )
        == 1
    )
    assert "x" * 21 + "..." in found[2]


def source(**signals: Any) -> PlainSignals:
    return PlainSignals({"run": Facts.of({"name": "a", "ended": "ok", "samples": 1200}), **signals})


def test_a_report_of_an_audit_holds_them_and_keeps_the_schema() -> None:
    run = source(data_splits=Facts.of(SPLIT), data_features=Facts.of(NUMBERS, WORDS))
    made = build(diagnose(run, ()), run, selected=())
    assert made["data"] == plain({"splits": [SPLIT], "features": [NUMBERS, WORDS]})
    jsonschema.validate(json.loads(as_json(made)), closed(schema()), jsonschema.Draft202012Validator)
    text = ["".join(t for t, _ in line) for line in render(made)]
    assert text[0].startswith("  split")
    assert text[2] == ""
    assert text[3].startswith("Not judged")


def test_a_report_of_a_training_holds_none() -> None:
    run = source()
    made = build(diagnose(run, ()), run, selected=())
    assert made["data"] is None
    jsonschema.validate(json.loads(as_json(made)), closed(schema()), jsonschema.Draft202012Validator)


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 10, "0 %"), (1, 3, "33 %"), (1, 10**6, "< 0.01 %"), (999, 1000, "99.9 %"), (10, 10, "1e+02 %")],
)
def test_a_share_is_nothing_or_all_only_if_it_is(part: int, whole: int, told: str) -> None:
    assert share(part, whole) == told.replace("1e+02", "100")


@pytest.mark.parametrize(
    ("value", "told"), [(3.0, "3"), (0.12345, "0.1235"), (1.5e9, "1.5e+09"), (None, "-"), ("nan", "nan")]
)
def test_numbers_are_shown_in_a_few_digits(value: Any, told: str) -> None:
    assert number(value) == told
