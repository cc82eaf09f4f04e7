"""What Aim reads back of an exported run, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.export.runs import exporting, same, values_in

# Where the client stands, whatever it prints besides.
READ = """
import json, sys
import aim
found = []
for run in (run for folder in sys.argv[1:] for run in aim.Repo(folder).iter_runs()):
    series = {}
    for one in run.metrics():
        table = one.dataframe()
        series[one.name] = [[int(s), repr(float(v))] for s, v in zip(table["step"], table["value"])]
    told = run.get("netvet"), run.get("facts"), run.description, run.tags, run.active
    found.append([run.name, run.experiment, series, *told])
print("FOUND" + json.dumps(found))
"""

# Aim's own code is behind the versions that it takes.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*declarative_base"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:aim"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The run, and all runs that Aim finds."""
    folder = tmp_path_factory.mktemp("aim")
    with pytest.MonkeyPatch.context() as patch:
        run, netvet = exporting(folder, patch)
        assert netvet("--to", "aim") == 0
        assert netvet("--to", "aim", "--only", "loss", "-o", str(folder / "other")) == 0
    whole, part = read(folder / ".netvet" / "aim", folder / "other")
    return run, whole, part


def read(*folders: Path) -> list[Any]:
    arguments = [sys.executable, "-c", READ, *map(str, folders)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=True)
    found: list[Any] = json.loads(done.stdout.partition("FOUND")[2].splitlines()[0])
    return found


def test_values_and_steps_are_those_of_the_store(exported: Any) -> None:
    run, found, _ = exported
    name, experiment, series, *_ = found
    assert (name, experiment) == (run.path.name, "netvet")
    for key, wanted in values_in(run).items():
        mine = [(step, float(value)) for step, value in series[key]]
        assert same(sorted(mine, key=lambda one: one[0]), wanted)


def test_findings_facts_and_the_verdict_go_along(exported: Any) -> None:
    _, found, _ = exported
    told, facts, words, tags, active = found[3:]
    assert (told["errors"], told["warnings"], told["notes"]) == (1, 2, 1)
    assert told["findings"][0]["check"] == "double-softmax"
    assert told["diagnosis"][0]["check"] in tags
    assert facts["optimizer/Adam/lr"] == 0.5
    assert "double-softmax" in words
    assert not active


def test_only_the_signals_that_were_asked_for(exported: Any) -> None:
    _, _, found = exported
    assert set(found[2]) == {"loss/train.py:9"}
