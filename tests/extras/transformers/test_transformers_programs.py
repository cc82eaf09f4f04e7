"""Programs of the Trainer and of accelerate under `netvet run`: sick ones get their diagnosis, healthy ones silence."""

from pathlib import Path

import pytest

from benchmarks.scoring import read_header, score
from tests.program import call
from tests.test_corpus import FINGERPRINT, under_netvet

HERE = Path(__file__).parent
# Faults whose finding must be that of a plain loop.
TWINS = ("double_softmax", "frozen_head", "head_in_optimizer", "lr_too_high", "lr_too_low")


def programs(folder):
    return [pytest.param(p, id=p.stem) for p in sorted((HERE / folder).glob("*.py"))]


def fingerprint(out):
    return [line for line in out.splitlines() if line.startswith("fingerprint")]


@pytest.mark.parametrize("path", programs("healthy"))
def test_a_healthy_program_is_left_alone(path, tmp_path):
    """Nothing is blamed on it, and its training is bitwise the same as without netvet."""
    plain, _ = call([str(FINGERPRINT), str(path)], tmp_path)
    watched, report = under_netvet(path, tmp_path, through=[FINGERPRINT])
    assert fingerprint(plain)
    assert fingerprint(watched) == fingerprint(plain)
    assert report["problems"] == []
    assert [f"{f['check']}: {f['message']}" for f in report["findings"] if f["severity"] in ("error", "warning")] == []


@pytest.mark.parametrize("path", programs("sick"))
def test_a_sick_program_gets_its_diagnosis_and_its_line(path, tmp_path):
    header = read_header(path.read_text())
    result = score(path.name, 0, header, under_netvet(path, tmp_path, header=header)[1])
    assert result.right, result
    assert result.located is not False, result


@pytest.mark.parametrize("name", TWINS)
def test_the_finding_is_that_of_the_same_fault_in_a_plain_loop(name, tmp_path):
    path = HERE / "sick" / f"trainer_{name}.py"
    (ours, plain) = (
        under_netvet(path, tmp_path, through=through, header=read_header(path.read_text()))[1]
        for through in ((), (HERE / "plain.py",))
    )
    assert ours["diagnosis"][0]["check"] == plain["diagnosis"][0]["check"]
    first, second = (next(f for f in r["findings"] if f["check"] == r["diagnosis"][0]["check"]) for r in (ours, plain))
    assert first["severity"] == second["severity"]
    assert Path(first["location"]["file"]).name == path.name
    if Path(second["location"]["file"]).name == path.name:
        assert first["location"]["line"] == second["location"]["line"]
