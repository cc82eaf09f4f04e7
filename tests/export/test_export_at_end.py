"""`netvet run --export`: a run is sent when it ends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.test_cli import HEALTHY, SICK, Runner, netvet, one_error_line, place, script

__all__ = ["place", "script"]  # fixtures


def test_a_run_is_exported_when_it_ends_wherever_the_script_went(script: Runner, place: Path, capsys: Any) -> None:
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    script(SICK, act=lambda: os.chdir(elsewhere))
    assert netvet("run", "--export", "jsonl=run.jsonl", "--export", "csv=tables", "train.py") == 1
    assert "netvet: exported run.jsonl" in capsys.readouterr().err
    kinds = {json.loads(line)["kind"] for line in (place / "run.jsonl").read_text().splitlines()}
    assert {"run", "value", "finding", "diagnosis"} <= kinds
    assert (place / "tables" / "findings.csv").exists()
    assert not list(elsewhere.iterdir())


def test_a_failed_export_keeps_no_other_from_being_sent(script: Runner, place: Path, capsys: Any) -> None:
    (place / "file").write_text("")
    script(HEALTHY)
    assert netvet("run", "--export", "csv=file/tables", "--export", "jsonl=run.jsonl", "train.py") == 2
    out, err = capsys.readouterr()
    assert "No fault seen" in out
    assert "netvet: error: cannot export to file/tables" in err
    assert (place / "run.jsonl").exists()


@pytest.mark.parametrize(("asked", "part"), [("nowhere", "expected one of tensorboard"), ("csv", "csv=PATH")])
def test_a_wrong_export_is_found_before_the_script_runs(script: Runner, asked: str, part: str, capsys: Any) -> None:
    runs = script(HEALTHY)
    assert netvet("run", "--export", asked, "train.py") == 2
    assert part in one_error_line(capsys.readouterr().err)
    assert not runs
