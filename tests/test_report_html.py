"""The page of a stored run from the command line: `netvet report -o x.html`, `netvet diagnose --html`."""

import json

import pytest

from netvet import checks, cli
from tests.report.samples import CHECKS, softmax_signals
from tests.test_cli import stored


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "all_checks", lambda: CHECKS)
    stored(softmax_signals())
    return tmp_path


def netvet(*arguments):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    return left.value.code


@pytest.mark.parametrize("arguments", [("-o", "a.html"), ("--output", "a.HTM"), ("--format", "html", "-o", "a.txt")])
def test_report_is_one_file_and_says_how_to_open_it(place, capsys, arguments):
    assert netvet("report", *arguments) == 0
    file = place / arguments[-1]
    text = file.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "Training is wrong: double softmax" in text  # for those without scripts
    said = capsys.readouterr()
    assert said.out == ""
    assert file.as_uri() in said.err


def test_format_follows_the_ending_unless_it_is_given(place, capsys):
    assert netvet("report", "-o", "a.json") == 0
    assert json.loads((place / "a.json").read_text())["schema"] == "netvet.report/1"
    assert netvet("report", "-o", "a.sarif") == 0
    assert json.loads((place / "a.sarif").read_text())["version"] == "2.1.0"
    assert netvet("report", "-o", "a.html", "--format", "text") == 0
    assert (place / "a.html").read_text().startswith("Training is wrong")
    assert netvet("report", "-o", "a.log") == 0
    assert (place / "a.log").read_text().startswith("Training is wrong")
    assert capsys.readouterr().err == ""


def test_page_goes_to_the_output_when_no_file_is_named(capsys):
    assert netvet("report", "--format", "html") == 0
    assert capsys.readouterr().out.startswith("<!doctype html>")


def test_diagnose_writes_a_page_beside_what_it_prints(place, capsys):
    assert netvet("diagnose", "--html", "a.html") == 1
    said = capsys.readouterr()
    assert said.out.startswith("Training is wrong")
    assert "a.html" in said.err
    assert (place / "a.html").read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize("command", [("report", "-o"), ("run", "--html"), ("recipe", "--html"), ("data", "--html")])
def test_file_that_cannot_be_written_is_one_line_before_anything_is_done(capsys, command):
    assert netvet(*command, "nowhere/a.html", *(() if command[0] == "report" else ("train.py",))) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "nowhere/a.html: cannot be written" in said.err
