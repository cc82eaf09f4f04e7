"""Which stored run a person means."""

import pytest

from netvet.core import NetvetError
from netvet.fixes.kept import mark_trial
from netvet.store import Run, RunWriter
from netvet.store.find import find_run


def stored(folder, name):
    writer = RunWriter.create(folder, name)
    writer.put_facts("run", [{"script": "train.py", "ended": "ok", "steps": 3}])
    writer.close()
    return writer.path


def test_the_newest_run_is_no_trial_of_a_fix(tmp_path):
    own, trial = stored(tmp_path, "own"), stored(tmp_path, "trial")
    mark_trial(trial, "lower-lr")
    assert find_run(None, tmp_path).path == own
    assert find_run(trial.name, tmp_path).path == trial
    assert {run.path: run.trial for run in Run.list(tmp_path)} == {own: None, trial: "lower-lr"}
    assert Run.open(trial).get("run")[0]["script"] == "train.py"


def test_trials_alone_are_better_than_nothing(tmp_path):
    trial = stored(tmp_path, "trial")
    mark_trial(trial, "lower-lr")
    assert find_run(None, tmp_path).path == trial


def test_an_empty_store_is_one_clear_error(tmp_path):
    with pytest.raises(NetvetError, match="no runs in"):
        find_run(None, tmp_path)
