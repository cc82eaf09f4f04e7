"""A study that is killed leaves the user's files and no process behind, and a second start goes on."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.program import call

SCRIPT = """
import time, torch
from torch import nn
torch.manual_seed(0)
x = torch.randn(600, 8)
y = (x[:, 0] > 0).long()
net = nn.Linear(8, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
for epoch in range(4):
    for rows in torch.arange(500).split(50):
        loss = nn.functional.cross_entropy(net(x[rows]), y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        time.sleep(0.02)
    with torch.no_grad():
        nn.functional.cross_entropy(net(x[500:]), y[500:])
    open("log.txt", "a").write("mine\\n")
"""


def contents(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file() and ".netvet" not in p.parts)
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def children_of(mark):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                folder = os.readlink(f"/proc/{entry}/cwd")
            except OSError:
                continue
            if folder.startswith(mark):
                found.append(entry)
    return found


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_study_leaves_nothing_and_goes_on(tmp_path, how):
    home = tmp_path / "home"
    home.mkdir()
    spare = Path(tempfile.mkdtemp())  # short: a server's socket in it has at most 107 letters
    (home / "train.py").write_text(SCRIPT)
    before = contents(home)
    command = [sys.executable, "-m", "netvet", "fix", "--try", "raise-lr", "train.py"]
    environment = {**os.environ, "TMPDIR": str(spare)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=home, env=environment, start_new_session=True, **quiet)
    end = time.monotonic() + 120
    while not list(home.glob(".netvet/fixes/*.jsonl")) and time.monotonic() < end:
        time.sleep(0.1)
    os.kill(process.pid, how)
    process.wait(60)
    time.sleep(1.0)
    assert contents(home) == before
    assert children_of(str(spare)) == []
    shutil.rmtree(spare)
    kept = len(next(home.glob(".netvet/fixes/*.jsonl")).read_text().splitlines())
    call(["-m", "netvet", "fix", "--try", "raise-lr", "--json", "fix.json", "train.py"], home)
    found = json.loads((home / "fix.json").read_text())
    assert kept >= 1
    assert found["trials"] <= 6 * 3 - kept
    assert found["rounds"][0]["best"] == ["raise-lr"]
