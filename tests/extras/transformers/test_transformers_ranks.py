"""Two ranks of accelerate under torchrun: one run, one report, no alarm, and training as without netvet."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.extras.trained_programs import alarms, fingerprints

PROGRAM = Path(__file__).parent / "accelerate_ranks.py"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="needs torch.distributed")


def torchrun(folder, *command):
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.run(
        [*launcher, *map(str, command)], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


def test_two_ranks_are_one_run_and_trained_as_without_netvet(tmp_path):
    plain = torchrun(tmp_path, PROGRAM)
    watched = torchrun(tmp_path, "-m", "netvet", "run", "--json", "report.json", PROGRAM)
    assert watched.returncode == 0, watched.stderr
    assert fingerprints(plain.stdout), plain.stderr
    assert fingerprints(watched.stdout) == fingerprints(plain.stdout)
    assert watched.stdout.count("checks looked") == 1
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["problems"] == []
    assert alarms(report) == []
    (run,) = (f for f in (tmp_path / ".netvet" / "runs").iterdir() if not f.name.startswith("."))
    assert sorted(file.name for file in run.iterdir()) == ["rank0.db", "rank1.db"]
