"""Findings without a line of their own get that of the layer, optimizer, loader or call that they name."""

import pytest

from netvet.core import Facts, Finding, Location, location_of
from netvet.locate import layer_place, located
from netvet.testing import PlainSignals

PARAMETERS = Facts.of(
    {"name": "fc.bias", "layer": "fc", "shape": [8], "init_file": "t.py", "init_line": 7},
    {"name": "fc.weight", "layer": "fc", "shape": [8, 4], "created_file": "t.py", "created_line": 3},
    {"name": "out.weight", "layer": "out", "shape": [3, 8], "created_file": "t.py", "created_line": 4},
)
SOURCE = PlainSignals(
    {
        "parameters": PARAMETERS,
        "modules": Facts.of({"name": "act", "created_file": "t.py", "created_line": 5}),
        "optimizers": Facts.of({"name": "Adam", "file": "t.py", "line": 20}),
        "loaders": Facts.of(
            {
                "name": "t.py:30",
                "phase": "train",
                "file": "t.py",
                "line": 30,
                "created_file": "t.py",
                "created_line": 12,
            }
        ),
        "losses": Facts.of({"site": "t.py:33", "file": "t.py", "line": 33}),
        "backwards": Facts.of({"file": "src/t.py", "line": 34}),
    }
)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("act", 5), ("out.weight", 4), ("fc", 7), ("fc.weight", 3), ("Adam", 20), ("Adam/1", 20), ("t.py:30", 12),
        ("training data", 12), ("t.py:33", 33), ("t.py:34 SGD#2", 34), ("evaluation", None), ("unknown", None),
    ],
)  # fmt: skip
def test_a_name_is_turned_into_a_line(where: str, line: int | None) -> None:
    place = located(Finding("m", where), SOURCE.get).location
    assert (place.line if place else None) == line


def test_the_line_of_a_check_is_kept() -> None:
    place = Location("own.py", 1)
    assert located(Finding("m", "Adam", location=place), SOURCE.get).location == place


def test_a_run_that_recorded_nothing_gives_no_line() -> None:
    assert located(Finding("m", "Adam"), PlainSignals().get).location is None
    assert layer_place("fc", None, None) is None


def test_the_best_kind_of_line_that_is_known_is_taken() -> None:
    record = {
        "created_file": "t.py",
        "created_line": 2,
        "file": "t.py",
        "line": 9,
        "init_file": None,
        "init_line": None,
    }
    assert location_of(record, "init", "created", "") == Location("t.py", 2)
    assert location_of(record) == Location("t.py", 9)
    assert location_of(None) is None
    assert location_of(record, "init") is None
