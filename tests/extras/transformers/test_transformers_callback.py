"""The callback of the Trainer: it opens a run for each train, closes it whatever happens, and reports once."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments, set_seed

from netvet.adapters.transformers import NetvetCallback
from netvet.capture.live import active
from netvet.core import first_record
from netvet.store import Run


class Net(nn.Module):
    def __init__(self, fails_at=None):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
        self.fails_at, self.calls = fails_at, 0

    def forward(self, x, labels=None):
        self.calls += 1
        if self.calls == self.fails_at:
            raise ValueError("the sensor is off")
        probs = torch.softmax(self.net(x), 1)
        return {"loss": nn.functional.cross_entropy(probs, labels), "logits": probs}


def trainer(net, folder, callbacks=None):
    x = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
    rows = [{"x": row, "labels": int(row[:3].argmax())} for row in x]
    args = TrainingArguments(
        str(folder), num_train_epochs=2, per_device_train_batch_size=16, logging_steps=2, report_to="none",
        save_strategy="no", use_cpu=True, disable_tqdm=True, eval_strategy="epoch",
    )  # fmt: skip
    return Trainer(net, args, train_dataset=rows, eval_dataset=rows[:20], callbacks=callbacks)


@pytest.fixture
def callback(tmp_path):
    return NetvetCallback(store=tmp_path / "runs", probes=False)


def test_a_training_is_one_run_with_what_was_logged_and_one_report(callback, tmp_path, capsys):
    trainer(Net(), tmp_path, [callback]).train()
    run = Run.open(callback.run.path)
    assert (callback.run.closed, callback.run.steps, first_record(run.get("run"))["ended"]) == (True, 8, "ok")
    assert {"loss", "eval_loss", "learning_rate"} <= set(run.get("metric"))
    assert [o["cls"] for o in run.get("optimizers")] == ["AdamW"]
    assert capsys.readouterr().out.count("double-softmax  error") == 1
    assert active() is None


def test_the_raw_loss_of_every_step_is_recorded_and_not_the_logged_mean(callback, tmp_path):
    trainer(Net(), tmp_path, [callback]).train()
    run = Run.open(callback.run.path)
    (series,) = [s for _, s in run.get("loss").items()]
    assert len(series) == 8
    assert len(run.get("metric")["loss"]) == 4


def test_an_error_ends_the_run_and_is_passed_on(callback, tmp_path):
    with pytest.raises(ValueError, match="sensor is off"):
        trainer(Net(fails_at=3), tmp_path, [callback]).train()
    record = first_record(Run.open(callback.run.path).get("run"))
    assert (record["ended"], record["exception_type"], record["steps"]) == ("exception", "ValueError", 2)
    assert active() is None


def test_a_callback_that_is_added_later_ends_its_run_by_the_next_training(callback, tmp_path):
    ours = trainer(Net(), tmp_path)
    ours.add_callback(callback)
    ours.train()
    first = callback.run.path
    ours.train()
    assert callback.run.closed
    assert callback.run.path != first


def test_training_is_bitwise_the_same_with_the_callback(callback, tmp_path):
    weights = []
    for callbacks in (None, [callback]):
        set_seed(3)
        net = Net()
        trainer(net, tmp_path, callbacks).train()
        weights.append([p.detach().clone() for p in net.parameters()])
    assert all(map(torch.equal, *weights))


def test_only_the_first_process_reports(callback, tmp_path, capsys):
    args, state, net = TrainingArguments(str(tmp_path), use_cpu=True), TrainerState(), Net()
    state.is_world_process_zero = False
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    callback.on_train_begin(args, state, TrainerControl(), model=net, optimizer=optimizer)
    net(torch.randn(4, 6), torch.tensor([0, 1, 2, 0]))["loss"].backward()
    optimizer.step()
    callback.on_train_end(args, state, TrainerControl())
    assert (callback.run.closed, callback.run.steps) == (True, 1)
    assert capsys.readouterr().out == ""


def test_a_pickle_or_copy_holds_the_arguments_alone(callback, tmp_path):
    trainer(Net(), tmp_path, [callback]).train()
    for other in (pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback)):
        assert other.run is None
        trainer(Net(), tmp_path, [other]).train()
        assert other.run.path.parent == callback.run.path.parent


def test_under_netvet_run_it_joins_the_run_of_the_script(tmp_path):
    own = Path(__file__).read_text().partition("@pytest.fixture")[0]
    (tmp_path / "train.py").write_text(own + "callback = NetvetCallback()\ntrainer(Net(), 'out', [callback]).train()\n")
    done = subprocess.run(
        [sys.executable, "-m", "netvet", "run", "--no-probes", "train.py"], cwd=tmp_path, capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300, check=False, text=True,
    )  # fmt: skip
    (found,) = Run.list(tmp_path / ".netvet" / "runs")
    assert found.steps == 8, done.stderr
    assert done.stdout.count("double-softmax  error") == 1
    assert "eval_loss" in set(Run.open(found.path).get("metric"))


def test_it_does_nothing_in_a_step():
    each_step = [name for name in dir(TrainerCallback) if "step" in name]
    assert {"on_step_begin", "on_step_end", "on_pre_optimizer_step"} <= set(each_step)
    assert [name for name in each_step if getattr(NetvetCallback, name) is not getattr(TrainerCallback, name)] == []
