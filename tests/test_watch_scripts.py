"""`netvet.watch` in whole scripts, in processes of their own, and in cells of notebooks."""

import linecache
import os
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import netvet
from netvet.store import Run
from tests.test_watch import Plain


@pytest.fixture
def place(tmp_path):
    return tmp_path


SCRIPT = """
import netvet, torch
from torch import nn
from torch.nn.functional import cross_entropy
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
{before}
for _ in range(8):
    x = torch.randn(8, 4)
    loss = nn.functional.cross_entropy(model(x), x[:, :3].argmax(1))
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    run.log(mine=1.0)
print(run)
"""


def script(place, command, before):
    (place / "train.py").write_text(SCRIPT.format(before=before))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *command, "train.py"], cwd=place, env=environment, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_under_netvet_run_the_run_is_that_of_the_script(place):
    before = "run = netvet.watch(model, optimizer); same = netvet.watch(model); run.close()"
    code, out, err = script(place, ["-m", "netvet", "run", "--no-probes"], before)
    assert (code, err) == (0, "")
    (found,) = Run.list(place / ".netvet" / "runs")
    assert found.steps == 8
    assert len(Run.open(found.path).get("metric")["mine"]) == 8
    assert len(Run.open(found.path).get("loss")) == 1
    assert "No fault seen" in out


def test_a_run_that_nobody_closes_is_closed_and_reported_at_the_end_of_the_process(place):
    code, out, err = script(place, [], "run = netvet.watch(model, optimizer, probes=False)")
    assert (code, err) == (0, "")
    assert "open, 8 steps" in out
    assert out.rstrip().endswith("spent by netvet.")
    (found,) = Run.list(place / ".netvet" / "runs")
    assert (found.ended, found.steps) == ("ok", 8)


CELL = """
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.Softmax(1))
optimizer = torch.optim.Adam(model.parameters())
run = netvet.watch(model, optimizer, quiet=True, store=store)
for _ in range(15):
    x = torch.randn(16, 4)
    loss = nn.functional.cross_entropy(model(x), x[:, :3].argmax(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("name", ["<ipython-input-7-c0ffee>", "/tmp/ipykernel_1/4711.py"])
def test_findings_point_at_lines_of_cells_and_quote_them(name, monkeypatch, place):
    monkeypatch.setitem(linecache.cache, name, (len(CELL), None, CELL.splitlines(keepends=True), name))
    names = {"netvet": netvet, "torch": torch, "nn": nn, "store": place}
    exec(compile(CELL, name, "exec"), names)
    names["run"].close()
    found = next(f for f in names["run"].findings if f.check.name == "double-softmax")
    assert (found.finding.location.file, found.finding.location.line) == (name, 7)
    shown = names["run"]._repr_mimebundle_()["text/html"]
    assert "loss = nn.functional.cross_entropy(model(x), x[:, :3].argmax(1))" in shown


@pytest.mark.parametrize("by_hand", [True, False])
def test_steps_of_the_users_own_are_counted_while_the_collectors_sleep(by_hand, monkeypatch, place):
    monkeypatch.setattr("netvet.capture.pace.DENSE_STEPS", 10)
    monkeypatch.setattr("netvet.capture.pace.GRACE_SECONDS", 0.0)
    model, asleep = nn.Linear(4, 3), []
    optimizer = None if by_hand else Plain(model.parameters(), 0.1)
    with netvet.watch(model, optimizer, store=place, probes=False, quiet=True) as run:
        for _ in range(80):
            x = torch.randn(16, 4)
            model.zero_grad()
            cross_entropy(model(x), x[:, :3].argmax(1)).backward()
            if optimizer is None:
                run.step()
                Plain(model.parameters(), 0.1).step()
            else:
                optimizer.step()
            asleep.append(run._live.capture.session.asleep)
    assert run.steps == 80
    assert any(asleep)
    assert not all(asleep[20:])
    assert {f.check.name for f in run.findings if f.severity != "note"} == set()
