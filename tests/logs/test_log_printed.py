"""Real trainings that no limit was set by (tests/extras/logs/unseen_*.py), printed in nineteen styles and judged.

A healthy one gets no alarm in any style; of a sick one is said what its numbers prove.
"""

from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from netvet import checks
from netvet.diagnose import Settings
from netvet.reporter import Reporter
from tests.logs.conftest import HERE, runs_in
from tests.logs.styles import STYLES

TRAININGS: dict[str, Any] = json.loads(lzma.decompress((HERE / "printed.json.xz").read_bytes()))
HEALTHY = sorted(name for name, one in TRAININGS.items() if not one["says"])
SICK = sorted(name for name, one in TRAININGS.items() if one["says"])
# What their numbers leave open: a regression that never learns and a loss that falls very slowly are notes, as is a
# validation that is far better than the training; a perfect score at once is that of easy data too; and evaluations
# as noisy as those of `heart_lm` show no trend.
OPEN = {"constant_regression", "double_softmax", "val_is_train", "leak_at_once", "heart_lm"}
# These say all that the rows hold.
WHOLE = ("jsonl", "keyvalue", "suffixed")
REPORTER = Reporter(checks.all_checks(), Settings())


def alarms(folder: Path, name: str, style: str) -> set[str]:
    """What is said of a training in a style, but for notes."""
    lines = STYLES[style](TRAININGS[name]["rows"])
    path = folder / f"{style}.{'csv' if style == 'csv_style' else 'log'}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    views = [REPORTER.view(run.run) for run in runs_in(path)]
    assert not [one for view in views for one in view["not_assessed"] if "itself failed" in one["reason"]]
    return {f["check"] for view in views for f in view["findings"] if f["severity"] != "note"}


def printable(name: str, style: str) -> bool:
    """Some styles tell of validations only, or of supervised learning."""
    rows = TRAININGS[name]["rows"]
    if style == "csv_style":
        return True
    return any("loss" in row for row in rows) and (style not in ("lightgbm",) or any("val_loss" in row for row in rows))


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_training_gets_no_alarm_however_it_is_printed(tmp_path, name):
    turn = HEALTHY.index(name)
    styles = [style for i, style in enumerate(STYLES) if i % 3 == turn % 3 and printable(name, style)]
    assert {style: alarms(tmp_path, name, style) for style in styles} == {style: set() for style in styles}


@pytest.mark.parametrize("name", SICK)
def test_of_a_sick_training_is_said_what_its_numbers_prove(tmp_path, name):
    expected = set(TRAININGS[name]["says"].split())
    assert bool(alarms(tmp_path, name, "csv_style") & expected) is (name not in OPEN)


@pytest.mark.parametrize("name", sorted(set(SICK) - OPEN))
def test_printed_lines_with_all_numbers_say_the_same_as_a_table(tmp_path, name):
    told = alarms(tmp_path, name, "csv_style")
    assert {style: alarms(tmp_path, name, style) for style in WHOLE} == dict.fromkeys(WHOLE, told)
