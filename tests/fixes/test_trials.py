"""Where trials run: the same results in other places, and sockets whose names are not too long."""

import os
import tempfile
from pathlib import Path

import pytest

from netvet.executors import SOCKET, short_sockets
from netvet.fixes import load
from netvet.fixes.choose import Candidate
from netvet.fixes.rerun import Rerun
from netvet.fixes.source import Patch
from netvet.fixes.study import Asked
from netvet.fixes.trials import Trials

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import torch
torch.manual_seed(0)
net = torch.nn.Linear(3, 2)
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
x, y = torch.randn(60, 3), torch.randint(0, 2, (60,))
for _ in range(5):
    loss = torch.nn.functional.cross_entropy(net(x[:40]), y[:40])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
with torch.no_grad():
    print((net(x[40:]).argmax(1) == y[40:]).float().mean().item())
"""


def values(folder, on):
    """Scores of the program and of a change with two seeds."""
    path = folder / "train.py"
    path.write_text(SCRIPT)
    patch = Patch({str(path): SCRIPT.replace("lr=0.5", "lr=0.1")}, {str(path): SCRIPT})
    one = Candidate(load("lower-lr"), "a smaller learning rate", "", patch)
    program = Rerun("train.py", folder=str(folder), seconds=120)
    wanted = [Asked(candidate, seed) for candidate in (None, one) for seed in (0, 1)]
    with Trials(program, folder / "fixes", jobs=2, on=on, fresh=True) as trials:
        found = {(asked.candidate is None, asked.seed): run for asked, run in trials.run(wanted, program)}
    assert all(run.ended == "ok" and run.scores for run in found.values()), found
    return {key: run.scores for key, run in found.items()}


@pytest.mark.filterwarnings("ignore")
def test_trials_on_ray_give_what_they_give_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT / "src"), str(ROOT)]))
    assert values(tmp_path, "ray") == values(tmp_path, None)


def test_folder_with_a_long_name_holds_no_sockets(monkeypatch):
    long = "/" + "x" * SOCKET
    monkeypatch.setattr(tempfile, "tempdir", long)
    monkeypatch.setattr("multiprocessing.util.get_temp_dir", lambda: used.append(tempfile.gettempdir()))
    used = []
    with short_sockets():
        pass
    assert used == ["/tmp"]
    assert tempfile.gettempdir() == long
