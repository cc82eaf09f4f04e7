"""Ending a hopeless run early: only what is settled, seen twice, and with everything kept."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import netvet
from netvet.capture.torch_checkpoint import write_safetensors
from netvet.checks import NAMES, all_checks
from netvet.core import NetvetError
from netvet.diagnose import Settings
from netvet.stopping import FIRST_STEP, SETTLED, require_severity, stopper
from netvet.store import Run, RunWriter

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def test_every_settled_check_exists_once():
    assert len(set(SETTLED)) == len(SETTLED)
    assert set(SETTLED) <= set(NAMES)


def test_no_settled_check_judges_the_run_as_a_whole():
    late = {
        "input_ablation",
        "baselines",
        "lr_trial",
        "val_loss",
        "evaluations",
        "first_layer_filters",
        "random_labels",
    }
    required = {c.name: set(c.required) for c in all_checks() if c.name in SETTLED}
    assert {name for name, signals in required.items() if signals & late} == set()


def test_a_severity_that_does_not_exist_is_an_error():
    with pytest.raises(NetvetError, match="--stop-on: expected one of error, warning, note, never, got 'fatal'"):
        require_severity("fatal", "--stop-on")
    assert stopper(all_checks(), Settings(), "never") is None


# --- what the stopper decides


@pytest.fixture
def nan_run(tmp_path):
    """A stored run whose loss is NaN from step 5 on."""
    writer = RunWriter.create(tmp_path, "train")
    for step in range(40):
        writer.append(step, "loss", 1.0 if step < 5 else float("nan"), "train.py:9")
    writer.close()
    return writer.path


def test_a_finding_must_be_there_in_two_looks_at_different_steps(nan_run):
    one = stopper(all_checks(), Settings(), "error")
    assert one.look(nan_run, 20) is None
    assert one.look(nan_run, 20) is None
    assert one.look(nan_run, 21).startswith("loss-not-finite: the loss is NaN at step 5")


def test_a_loop_that_has_hardly_begun_is_not_judged(nan_run):
    one = stopper(all_checks(), Settings(), "error")
    assert [one.look(nan_run, step) for step in range(1, FIRST_STEP)] == [None] * (FIRST_STEP - 1)
    assert one.look(nan_run, FIRST_STEP) is not None


@pytest.mark.parametrize(
    "settings",
    [
        Settings(skip=("loss-not-finite",)),
        Settings(only=("double-softmax", "dead-relu")),
        Settings(allow={"loss-not-finite": "on purpose"}),
    ],
)
def test_what_the_user_has_left_out_or_acknowledged_stops_nothing(nan_run, settings):
    one = stopper(all_checks(), settings, "warning")
    assert [one.look(nan_run, step) for step in (20, 30)] == [None, None]


def test_settings_of_checks_that_are_not_asked_do_no_harm(nan_run):
    settings = Settings(limits={"loss-flat": {"limit": 0.1}}, allow={"dead-relu:layer": "pruned"})
    one = stopper(all_checks(), settings, "error")
    assert [one.look(nan_run, step) is None for step in (20, 30)] == [True, False]


# --- in a training


@pytest.fixture
def sick(tmp_path, monkeypatch):
    """A loop with a double softmax: gives its model, its optimizer and a function that trains."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3), nn.Softmax(1))
    optimizer = torch.optim.Adam(model.parameters())

    def train(steps=150, caught=Exception):
        for step in range(steps):
            x = torch.randn(16, 4)
            try:
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(x), x[:, :3].argmax(1)).backward()
                optimizer.step()
            except caught:
                assert step < steps - 1

    return model, optimizer, train


def test_a_hopeless_training_ends_with_its_state_kept(sick):
    model, optimizer, train = sick
    asked = []
    with (
        pytest.raises(netvet.TrainingStopped) as stopped,
        netvet.watch(model, optimizer, quiet=True, stop_on="error", on_stop=lambda: asked.append(1)) as run,
    ):
        train()
    assert not isinstance(stopped.value, Exception)
    assert stopped.value.step == run.steps == 10
    assert "double-softmax" in str(stopped.value)
    assert asked == [1]
    (record,) = Run.open(run.path).get("run")
    assert (record["ended"], record["stopped_step"]) == ("stopped", 10)
    kept = read_safetensors(stopped.value.path / "Sequential.safetensors")
    assert all(np.array_equal(kept[name], p.detach().numpy()) for name, p in model.state_dict().items())
    state = torch.load(stopped.value.path / "Adam.pt", weights_only=True)
    assert state["param_groups"][0]["lr"] == 0.001
    assert "Stopped at step 10 because of double-softmax" in run._repr_mimebundle_()["text/html"]


def test_by_default_nothing_is_stopped(sick):
    model, optimizer, train = sick
    with netvet.watch(model, optimizer, quiet=True, probes=False) as run:
        train(120)
    assert run.steps == 120


def test_a_loop_that_catches_everything_is_asked_once_only(sick):
    model, optimizer, train = sick
    with netvet.watch(model, optimizer, quiet=True, stop_on="error") as run:
        train(120, caught=BaseException)
    assert run.steps == 120
    assert Run.open(run.path).get("run")[0]["stopped_step"] == 10


def test_what_goes_wrong_on_the_way_does_not_keep_a_run_going(sick, monkeypatch):
    model, optimizer, train = sick

    def broken(*_):
        raise OSError("disk full")

    monkeypatch.setattr("netvet.capture.torch_stop.write_checkpoint", broken)
    with (
        pytest.raises(netvet.TrainingStopped) as stopped,
        netvet.watch(model, optimizer, quiet=True, stop_on="error", on_stop=broken) as run,
    ):
        train()
    assert stopped.value.path is None
    told = " ".join(run._problems)
    assert "no checkpoint could be written: OSError: disk full" in told
    assert "on_stop failed" in told


def test_an_error_of_ours_in_a_look_stops_no_training(sick, monkeypatch):
    model, optimizer, train = sick
    monkeypatch.setattr("netvet.stopping.diagnose", lambda *_: 1 / 0)
    with netvet.watch(model, optimizer, quiet=True, probes=False, stop_on="error") as run:
        train(30)
    assert run.steps == 30
    assert any("stopping early: ZeroDivisionError" in p for p in run._problems)


def read_safetensors(file):
    data = file.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    types = {"F32": np.float32, "F64": np.float64, "I64": np.int64, "BOOL": np.bool_, "BF16": np.uint16}
    found = {}
    for name, one in header.items():
        begin, end = (8 + length + offset for offset in one["data_offsets"])
        found[name] = np.frombuffer(data[begin:end], types[one["dtype"]]).reshape(one["shape"])
    return found


def test_safetensors_hold_every_kind_of_tensor(tmp_path):
    tensors = {
        "scalar": torch.tensor(3),
        "turned": torch.arange(6.0).reshape(2, 3).T,
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
        "empty": torch.zeros(0, 2, dtype=torch.float64),
        "flags": torch.tensor([True, False]),
        "sparse": torch.eye(2).to_sparse(),
    }
    write_safetensors(tmp_path / "x", tensors)
    found = read_safetensors(tmp_path / "x")
    assert set(found) == set(tensors) - {"sparse"}
    assert found["scalar"].tolist() == 3
    assert found["turned"].tolist() == tensors["turned"].tolist()
    assert found["half"].tolist() == tensors["half"].view(torch.int16).tolist()
    assert found["empty"].shape == (0, 2)
    assert found["flags"].tolist() == [True, False]


# --- netvet run --stop-on


def netvet_run(folder, script, *options):
    command = [sys.executable, "-m", "netvet", "run", *options, str(script)]
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


NAN = """
import torch
from torch import nn
model = nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
for step in range(200):
    x = torch.randn(16, 4)
    loss = (model(x) - x.sum(1, keepdim=True)).abs().sqrt().mean() * (float("nan") if step > 5 else 1)
    try:
        optimizer.zero_grad(); loss.backward(); optimizer.step()
    except Exception:
        pass
print("came to its end")
"""


def test_a_script_is_stopped_with_the_reason_its_own_exit_code_and_weights(tmp_path):
    (tmp_path / "train.py").write_text(NAN)
    code, out, err = netvet_run(tmp_path, "train.py", "--no-probes", "--stop-on", "error")
    assert code == 3
    assert "came to its end" not in out
    assert err.startswith("netvet: stopped at step 100 because of loss-not-finite")
    assert "Stopped at step 100 because of loss-not-finite: the loss is NaN at step 6" in out
    (run,) = Run.list(tmp_path / ".netvet" / "runs")
    assert (run.path / "stopped" / "Linear.safetensors").is_file()
    assert run.ended == "stopped"


@pytest.mark.parametrize("options", [[], ["--stop-on", "error", "--skip", "loss-not-finite"]])
def test_it_is_not_stopped_unless_asked(tmp_path, options):
    (tmp_path / "train.py").write_text(NAN)
    code, out, _ = netvet_run(tmp_path, "train.py", "--no-probes", "--fail-on", "never", *options)
    assert code == 0
    assert "came to its end" in out


@pytest.mark.parametrize("name", ["sgd_large_lr"])
def test_healthy_programs_come_to_their_end(tmp_path, name):
    code, _, err = netvet_run(
        tmp_path, ROOT / "tests" / "healthy" / f"{name}.py", "--quiet", "--no-probes", "--stop-on", "warning"
    )
    assert (code, err) == (0, "")


def test_a_script_that_watches_itself_can_save_before_the_end(tmp_path):
    watching = "import netvet; run = netvet.watch(model, on_stop=lambda: print('saved at', run.steps))\nfor step"
    (tmp_path / "train.py").write_text(NAN.replace("for step", watching, 1))
    code, out, _ = netvet_run(tmp_path, "train.py", "--no-probes", "--stop-on", "error")
    assert code == 3
    assert "saved at 100" in out
