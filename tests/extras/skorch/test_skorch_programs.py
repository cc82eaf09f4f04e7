"""Programs with skorch: every sick one gets its diagnosis, every healthy one silence, and no training is changed."""

from pathlib import Path

import pytest

from tests.extras.trained_programs import assert_left_alone, errors, scored, under_netvet

pytest.importorskip("skorch")
HERE = Path(__file__).parent
PLAIN = HERE.parent.parent / "sick"
FINGERPRINT = HERE.parent.parent / "fingerprint.py"
# Of these the ordinary corpus has a twin in a plain loop.
TWINS = (
    "label_out_of_range", "lr_too_high", "lr_too_low", "frozen_parameters", "missing_nonlinearity", "unscaled_input",
)  # fmt: skip


def programs(folder):
    return [pytest.param(p, id=f"{folder}/{p.stem}") for p in sorted((HERE / folder).glob("*.py"))]


@pytest.mark.parametrize("path", programs("healthy"))
def test_healthy_program_is_left_alone(path, tmp_path):
    assert_left_alone(path, tmp_path, FINGERPRINT)


@pytest.mark.parametrize("path", programs("sick"))
def test_sick_program_gets_its_diagnosis_at_its_line(path, tmp_path):
    result, report = scored(path, tmp_path)
    assert result.right, result
    assert result.located, report["findings"][0]["location"]
    if path.stem in TWINS:
        _, plain = under_netvet(PLAIN / path.name, tmp_path)
        assert errors(report) == errors(plain)
