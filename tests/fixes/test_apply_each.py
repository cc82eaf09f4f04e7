"""Each fix on a program that it applies to: what is written runs without netvet and prints what its trial printed."""

import re
import shutil
from functools import cache
from pathlib import Path

import pytest

from netvet.checks import all_checks
from netvet.core import Finding, Location
from netvet.diagnose import Settings, diagnose
from netvet.fixes import all_fixes, load
from netvet.fixes.apply import apply
from netvet.fixes.choose import choose
from netvet.fixes.program import Program
from netvet.fixes.rerun import OUTPUT, Rerun, rerun_apart, rerun_within
from netvet.fixes.source import Sources
from netvet.store import Run
from tests.program import call

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))
# Fixes without a program of their own here, and why: the list may only get shorter.
WITHOUT: dict[str, str] = {}
SCRIPT = "train.py"


def fixes_of(path):
    """The fixes that the head of a program names."""
    return ", ".join(re.findall(r"^# fixes: (.*)$", path.read_text(), re.MULTILINE)).split(", ")


CASES = {name: path for path in PROGRAMS for name in fixes_of(path)}


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    """The facts and the diagnosis of a program, of one run for all of its fixes."""

    @cache
    def look(path):
        folder = tmp_path_factory.mktemp(path.stem)
        (folder / SCRIPT).write_text(path.read_text())
        if path.with_suffix("").is_dir():  # modules that stand beside the program
            shutil.copytree(path.with_suffix(""), folder, dirs_exist_ok=True)
        seen = rerun_apart(Rerun(SCRIPT, folder=str(folder), store=str(folder / "runs"), seconds=120))
        assert seen.run, seen
        run = Run.open(Path(seen.run))
        return folder, run, diagnose(run, all_checks(), Settings())

    return look


def patch_of(name, path, folder, run, diagnosis):
    """The first variant of a fix for the program."""
    program = Program(Sources(folder), run.get)
    found = choose(diagnosis, program, [name])
    if found.fixes:
        return found.fixes[0][0].patch
    text = path.read_text()
    place = re.search(rf"^# place: {name} -> (.*)$", text, re.MULTILINE)
    assert place is not None, found.refused
    lines = [n for n, line in enumerate(text.splitlines(), 1) if place[1] in line and not line.startswith("#")]
    finding = Finding("something is wrong", location=Location(SCRIPT, lines[0]))
    return next(load(name).make(program.about(finding))).patch()


@pytest.mark.parametrize("name", sorted(CASES, key=lambda name: CASES[name]))
def test_written_program_prints_what_its_trial_printed(name, tmp_path, examined):
    path = CASES[name]
    home, run, diagnosis = examined(path)
    (home / SCRIPT).write_text(path.read_text())
    patch = patch_of(name, path, home, run, diagnosis)
    asked = Rerun(SCRIPT, folder=str(home), sources=patch.texts, seconds=120)
    measured = rerun_within(asked, tmp_path)
    assert measured.ended == "ok", measured.error
    assert (home / SCRIPT).read_text() == path.read_text()
    apply(patch)
    assert "netvet" not in (home / SCRIPT).read_text() != path.read_text()
    plain, error = call([SCRIPT], home)
    assert plain, error
    assert (tmp_path / OUTPUT).read_text().splitlines()[-1:] == plain.splitlines()[-1:]
    metric, figure = re.search(r"(accuracy|r2|loss) (\S+)", plain).groups()
    if measured.split == "val" and metric in measured.scores:
        assert measured.scores[metric].value == pytest.approx(float(figure.rstrip(",")), rel=1e-5)


@pytest.mark.parametrize("name", [fix.name for fix in all_fixes("torch")])
def test_each_fix_has_a_program(name):
    assert (name in CASES) != (name in WITHOUT), f"no program for the fix {name}: one in tests/fixes/programs names it"
