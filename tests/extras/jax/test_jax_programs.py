"""Programs of JAX as people write them: the sick get their diagnosis, the healthy silence and their own weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scoring import read_header

HERE = Path(__file__).parent
TWINS = HERE.parents[1] / "sick"
SICK = sorted((HERE / "sick").glob("*.py"))
HEALTHY = sorted((HERE / "healthy").glob("*.py"))
# Sick programs whose fault a program of plain PyTorch has as well.
PAIRS = {
    "linen_double_softmax": "double_softmax",
    "eqx_double_sigmoid": "double_sigmoid",
    "nnx_missing_nonlinearity": "missing_nonlinearity",
    "eqx_detached_trunk": "detached_parameters",
    "bare_broadcast_loss": "broadcast_loss",
    "linen_label_out_of_range": "label_out_of_range",
    "optax_missing_step": "missing_step",
    "bare_symmetric_init": "symmetric_init",
    "linen_wrong_softmax_dim": "wrong_softmax_dim",
    "optax_head_only": "parameters_not_in_optimizer",
    "nnx_evaluation_in_train_mode": "evaluation_in_train_mode",
    "eqx_split_overlap": "split_overlap",
}


def python(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
        check=False,
    )


def watched(program: Path, folder: Path) -> tuple[list[dict[str, Any]], str]:
    found = python(folder, "-m", "netvet", "run", "--json", "found.json", str(program))
    assert (folder / "found.json").is_file(), found.stderr[-3000:]
    report = json.loads((folder / "found.json").read_text())
    assert "switched off" not in found.stdout + found.stderr, found.stdout[-2000:]
    return report["findings"], found.stdout


@pytest.mark.parametrize("program", SICK, ids=lambda p: p.stem)
def test_a_sick_program_gets_its_diagnosis(program: Path, tmp_path: Path) -> None:
    header = read_header(program.read_text())
    findings, _ = watched(program, tmp_path)
    causes = [f["check"] for f in findings if f["severity"] != "note"]
    assert header.expect in causes, causes
    place = next(f["location"] for f in findings if f["check"] == header.expect)
    assert not header.fault_lines or place["line"] in header.fault_lines


@pytest.mark.parametrize("program", HEALTHY, ids=lambda p: p.stem)
def test_a_healthy_program_gets_no_alarm_and_the_same_weights(program: Path, tmp_path: Path) -> None:
    plain = python(tmp_path, str(program)).stdout
    findings, out = watched(program, tmp_path)
    assert [f for f in findings if f["severity"] != "note"] == []
    wanted = [line for line in plain.splitlines() if line.strip()]
    assert out.splitlines()[: len(wanted)] == wanted


def named(program: Path) -> str:
    return read_header(program.read_text()).expect


@pytest.mark.parametrize(("program", "twin"), sorted(PAIRS.items()))
def test_the_fault_has_the_name_that_it_has_in_pytorch(program: str, twin: str) -> None:
    assert named(HERE / "sick" / f"{program}.py") == named(TWINS / f"{twin}.py")
