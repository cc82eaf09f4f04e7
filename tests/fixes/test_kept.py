"""A study is kept with the run that it is of, or as a run of its own; one that cannot be kept is shown all the same."""

import pytest

from netvet.cli.fix import _tell
from netvet.core import NetvetError
from netvet.fixes.kept import keep, keep_apart
from netvet.store import Run, RunWriter

ROUND = {
    "run": "r", "diagnosis": [], "unchanged": {}, "fixes": [], "refused": [], "best": ["lower-lr"], "recommended": None,
    "corrected": None, "gone": [], "left": [],
}  # fmt: skip
RECORD = {"schema": "netvet.fix/1", "rounds": [ROUND, ROUND], "patch": None, "trials": 3, "reused": 1, "seconds": 2.0}


def test_a_round_is_a_record_with_what_is_said_of_the_whole_study(tmp_path):
    writer = RunWriter.create(tmp_path, "train")
    writer.put_facts("run", [{"name": "train", "ended": "ok"}])
    writer.close()
    keep(RECORD, writer.path)
    keep(RECORD, writer.path)  # in the place of the earlier one
    found = Run.open(writer.path)
    assert list(found.get("fixes")) == [{**ROUND, "patch": None, "trials": 3, "reused": 1, "seconds": 2.0}] * 2
    assert found.get("run")[0]["name"] == "train"


def test_a_study_of_a_setup_is_a_run_of_its_own(tmp_path):
    found = Run.open(keep_apart(RECORD, tmp_path, "made"))
    assert found.get("run")[0]["name"] == "made"
    assert found.get("fixes")[0]["best"] == ["lower-lr"]


def test_a_study_that_cannot_be_kept_is_shown_and_said_in_one_line(capsys):
    def gone():
        raise NetvetError("there is no run there")

    _tell(RECORD, gone, None, {"json": None, "html": None, "figure": None, "verbose": False})
    out, err = capsys.readouterr()
    assert "Recommended: lower-lr." in out
    assert err == "netvet: the study is not kept with its run: there is no run there\n"


def test_a_run_that_is_gone_cannot_keep_one(tmp_path):
    with pytest.raises(NetvetError):
        keep(RECORD, tmp_path / "gone")
