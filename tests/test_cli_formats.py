"""The report as CI systems read it, from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from netvet import checks
from tests.report.samples import CHECKS
from tests.test_cli import SICK, netvet, stored


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "all_checks", lambda: CHECKS)
    for name in ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "GITHUB_ACTIONS", "RANK", "NETVET_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    stored(SICK)
    return tmp_path


def test_report_writes_each_format(place: Path, capsys: Any) -> None:
    assert netvet("report", "--format", "github") == 0
    assert capsys.readouterr().out.startswith("::error file=train.py,line=5,title=netvet double-softmax::")
    assert netvet("report", "--format", "gitlab") == 0
    assert json.loads(capsys.readouterr().out)[0]["check_name"] == "double-softmax"
    assert netvet("report", "-o", "a.xml") == 0
    assert ElementTree.parse(place / "a.xml").getroot().attrib["failures"] == "1"
    assert netvet("report", "--format", "junit", "--fail-on", "warning") == 0
    assert ElementTree.fromstring(capsys.readouterr().out).attrib["failures"] == "4"


def test_report_writes_the_files_that_its_options_name_too(place: Path, capsys: Any) -> None:
    assert netvet("report", "--junit", "a.xml", "--sarif", "a.sarif", "--github") == 0
    out = capsys.readouterr().out
    assert out.startswith("Training is wrong")
    assert "\n::error file=train.py,line=5," in out
    assert (place / "a.xml").exists()
    assert (place / "a.sarif").exists()
    assert netvet("report", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "netvet.report/1"


def test_junit_counts_the_checks_that_were_asked(place: Path) -> None:
    assert netvet("diagnose", "--junit", "a.xml", "--skip", "dead-relu,lr-too-high") == 1
    names = [case.attrib["name"] for case in ElementTree.parse(place / "a.xml").iter("testcase")]
    assert names == ["small-batches", "double-softmax", "loss-plateau", "small-gradients"]


def test_annotations_follow_the_report_and_leave_a_document_alone(capsys: Any) -> None:
    assert netvet("diagnose", "--github") == 1
    out, err = capsys.readouterr()
    assert out.startswith("Training is wrong: double softmax")
    assert "\n::error file=train.py,line=5,title=netvet double-softmax::" in out
    assert netvet("diagnose", "--github", "--json", "-") == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["schema"] == "netvet.report/1"
    assert err.startswith("::error file=train.py,")


def test_nothing_is_annotated_without_being_asked(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    netvet("diagnose")
    assert "::error" not in capsys.readouterr().out


def test_files_are_named_below_the_checkout(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("GITHUB_WORKSPACE", str(place.parent))
    netvet("report", "--format", "github")
    assert f"file={place.name}/train.py," in capsys.readouterr().out


def test_a_junit_file_that_cannot_be_written_is_one_line(capsys: Any) -> None:
    assert netvet("diagnose", "--junit", "no/such/a.xml") == 2
    assert "--junit no/such/a.xml: cannot be written" in capsys.readouterr().err
