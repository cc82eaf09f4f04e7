"""Programs of the Trainer and of accelerate under `netvet run`: sick ones get their diagnosis, healthy ones silence."""

from pathlib import Path

import pytest

from benchmarks.scoring import read_header, score
from tests.extras.trained_programs import alarms, assert_as_in_a_plain_loop, fingerprints
from tests.program import call
from tests.test_corpus import FINGERPRINT, under_netvet

HERE = Path(__file__).parent
# Faults whose finding must be that of a plain loop.
TWINS = (
    "trainer_double_softmax",
    "trainer_frozen_head",
    "trainer_head_in_optimizer",
    "trainer_lr_too_high",
    "trainer_lr_too_low",
)


def programs(folder):
    return [pytest.param(p, id=p.stem) for p in sorted((HERE / folder).glob("*.py"))]


@pytest.mark.parametrize("path", programs("healthy"))
def test_a_healthy_program_is_left_alone(path, tmp_path):
    """Nothing is blamed on it, and its training is bitwise the same as without netvet."""
    plain, _ = call([str(FINGERPRINT), str(path)], tmp_path)
    watched, report = under_netvet(path, tmp_path, through=[FINGERPRINT])
    assert fingerprints(plain)
    assert fingerprints(watched) == fingerprints(plain)
    assert report["problems"] == []
    assert alarms(report) == []


@pytest.mark.parametrize("path", programs("sick"))
def test_a_sick_program_gets_its_diagnosis_and_its_line(path, tmp_path):
    header = read_header(path.read_text())
    report = under_netvet(path, tmp_path, header=header)[1]
    result = score(path.name, 0, header, report)
    assert result.right, result
    assert result.located is not False, result
    if path.stem in TWINS:
        plain = under_netvet(path, tmp_path, through=[HERE / "plain.py"], header=header)[1]
        assert_as_in_a_plain_loop(report, plain, path.name)
