"""`make test-extras`: what it counts, and what it calls wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import test_extras as tool

# What netvet does without an optional dependency.
NO_EXTRA = {"ci", "core", "logs"}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Write folders of tests that run in this environment."""
    monkeypatch.setattr(tool, "EXTRAS", tmp_path)
    monkeypatch.setattr(tool, "install", lambda extra: 0.0)
    monkeypatch.setattr(tool.Extra, "python", property(lambda extra: Path(sys.executable)))

    def write(**tests):
        for name, text in tests.items():
            (tmp_path / name).mkdir()
            (tmp_path / name / f"test_{name}.py").write_text(text)

    return write


def called(monkeypatch, capsys, *names):
    monkeypatch.setattr(sys, "argv", ["test_extras", *names])
    code = tool.main()
    return code, capsys.readouterr().out


def test_a_line_a_folder_and_a_closing_line_as_pytest_has_it(folders, monkeypatch, capsys):
    folders(
        first="def test_one(): pass\ndef test_two(): pass\n",
        second="import pytest\ndef test_one(): pass\ndef test_two(): pytest.skip('why')\n",
    )
    code, told = called(monkeypatch, capsys)
    head, *rows, end = told.splitlines()
    assert code == 0
    assert head.split() == ["extra", "install", "tests", "passed", "failed", "skipped"]
    assert sorted((row.split()[0], *row.split()[3:]) for row in rows) == [
        ("first", "2", "0", "0"),
        ("second", "1", "0", "1"),
    ]
    assert " 3 passed, 1 skipped in " in end
    assert end.startswith("===")


def test_a_failed_test_is_shown_and_fails_all(folders, monkeypatch, capsys):
    folders(good="def test_one(): pass\n", bad="def test_two():\n    assert 1 + 1 == 3\n")
    code, told = called(monkeypatch, capsys)
    assert code == 1
    assert "assert (1 + 1) == 3" in told
    assert " 1 failed, 1 passed in " in told.splitlines()[-1]


@pytest.mark.parametrize("text", ["", "import pytest\ndef test_one(): pytest.skip('why')\n"])
def test_a_folder_that_ran_no_test_fails(folders, monkeypatch, capsys, text):
    folders(empty=text)
    code, told = called(monkeypatch, capsys)
    assert code == 1
    assert "WRONG" in told
    assert " passed in " not in told.splitlines()[-1]


def test_what_cannot_be_installed_is_said_and_the_others_run(folders, monkeypatch, capsys):
    def install(extra):
        if extra.name == "broken":
            raise subprocess.CalledProcessError(1, ["uv", "pip", "install"], output="no such version")
        return 1.5

    monkeypatch.setattr(tool, "install", install)
    folders(broken="def test_one(): pass\n", good="def test_two(): pass\n")
    code, told = called(monkeypatch, capsys)
    assert code == 1
    assert "no such version\nbroken: not installed\n" in told
    assert " 1 failed, 1 passed in " in told.splitlines()[-1]


def test_an_unknown_name_is_refused_with_the_known_ones(folders):
    folders(first="", second="")
    with pytest.raises(SystemExit, match="no folder tests/extras/third with tests; there are: first, second"):
        tool.extras(["third"])


def test_other_pins_make_another_environment(tmp_path):
    extra = tool.Extra(tmp_path)
    before = extra.fingerprint()
    assert extra.fingerprint() == before
    extra.requirements.write_text("torch==2.13.0\n")
    assert extra.fingerprint() != before


def test_every_folder_has_its_extra():
    declared = tool._project()["optional-dependencies"]
    lacking = {extra.name for extra in tool.extras([])} - set(declared) - NO_EXTRA
    assert not lacking, f"no optional dependencies of these names in pyproject.toml: {sorted(lacking)}"
