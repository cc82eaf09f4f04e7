"""The corpus: every sick program gets its diagnosis, every healthy one silence, and no training is changed."""

import json
from pathlib import Path

import pytest

from benchmarks.scoring import Header, read_header, score
from netvet.checks import NAMES
from tests.program import call

HERE = Path(__file__).parent
FINGERPRINT = HERE / "fingerprint.py"
# Programs whose fault is not named yet, or is named only by training copies, for which a slow machine may leave no
# time: the list may only get shorter.
KNOWN_MISSES = frozenset((HERE / "known_misses.txt").read_text().split())


def programs(folder):
    return [pytest.param(p, id=f"{folder}/{p.stem}") for p in sorted((HERE / folder).glob("*.py"))]


def under_netvet(path, tmp_path, *, through=(), header=None):
    target, header = tmp_path / "report.json", header or Header("")
    if header.audits:
        call([str(path)], tmp_path, 2)
    arguments = header.arguments(str(path), str(target))
    out, err = call(["-m", "netvet", *arguments[:-1], *map(str, through), arguments[-1]], tmp_path, 2)
    assert target.exists(), err
    return out, json.loads(target.read_text())


@pytest.mark.parametrize("path", programs("healthy"))
def test_healthy_program_is_left_alone(path, tmp_path):
    """Nothing is blamed on it, and its training is bitwise the same as without netvet."""
    plain, _ = call([str(FINGERPRINT), str(path)], tmp_path, 2)
    watched, report = under_netvet(path, tmp_path, through=[FINGERPRINT])
    assert "fingerprint" in plain
    changed = watched != plain or report["problems"] != []
    if changed and path.stem in KNOWN_MISSES:
        pytest.xfail("not verified yet: the fingerprints differ, or a part of netvet was switched off")
    assert watched == plain
    assert report["problems"] == []
    alarms = [f"{f['check']}: {f['message']}" for f in report["findings"] if f["severity"] in ("error", "warning")]
    if alarms and path.stem in KNOWN_MISSES:
        pytest.xfail("known false alarm: " + "; ".join(alarms))
    assert alarms == []


@pytest.mark.parametrize("path", programs("sick"))
def test_sick_program_gets_its_diagnosis(path, tmp_path):
    header = read_header(path.read_text())
    if header.expect not in NAMES:
        pytest.xfail(f"the check {header.expect} is not written yet")
    for _ in range(2):  # on a busy machine the probes may run out of their seconds once
        _, report = under_netvet(path, tmp_path, header=header)
        result = score(path.name, 0, header, report)
        if result.right:
            break
    if not result.right and path.stem in KNOWN_MISSES:
        pytest.xfail(f"known miss: {result.answer}")
    assert result.right, result
