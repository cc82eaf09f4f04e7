"""The callback of Lightning: it opens a run for each fit, closes it whatever happens, and reports once."""

import copy
import os
import pickle
import subprocess
import sys
from pathlib import Path

import lightning as L
import pytest
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

from netvet.adapters.lightning import NetvetCallback
from netvet.capture.live import active
from netvet.core import NetvetError, first_record
from netvet.store import Run

pytestmark = [
    pytest.mark.filterwarnings("ignore:.isinstance.treespec, LeafSpec"),  # Lightning 2.6 with PyTorch 2.13
    pytest.mark.filterwarnings("ignore:You defined a .validation_step. but"),
]


class Net(L.LightningModule):
    def __init__(self, fails_at=None):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
        self.fails_at = fails_at

    def training_step(self, batch, i):
        if i == self.fails_at:
            raise ValueError("the sensor is off")
        x, y = batch
        loss = F.cross_entropy(torch.softmax(self.net(x), 1), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, i):
        x, y = batch
        self.log("val_acc", (self.net(x).argmax(1) == y).float().mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def loader():
    x = torch.randn(64, 6, generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(x, x[:, :3].argmax(1)), 16)


def trainer(callbacks, **settings):
    return L.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=callbacks, **settings,
    )  # fmt: skip


@pytest.fixture
def callback(tmp_path):
    return NetvetCallback(store=tmp_path, probes=False)


def test_a_fit_is_one_run_with_what_was_logged_and_one_report(callback, capsys):
    assert callback.run is None
    trainer([callback]).fit(Net(), loader(), loader())
    run = Run.open(callback.run.path)
    assert (callback.run.closed, callback.run.steps, first_record(run.get("run"))["ended"]) == (True, 8, "ok")
    assert first_record(run.get("run"))["script"] == __file__
    assert {"train_loss", "val_acc"} <= set(run.get("metric"))
    assert capsys.readouterr().out.count("double-softmax  error") == 1
    assert active() is None


def test_each_fit_is_a_run_of_its_own(callback):
    paths = []
    for _ in range(2):
        trainer([callback]).fit(Net(), loader())
        paths.append(callback.run.path)
    assert len(set(paths)) == 2


def test_an_error_ends_the_run_and_is_passed_on(callback):
    with pytest.raises(ValueError, match="sensor is off"):
        trainer([callback]).fit(Net(fails_at=2), loader())
    record = first_record(Run.open(callback.run.path).get("run"))
    assert (record["ended"], record["exception_type"], record["steps"]) == ("exception", "ValueError", 2)
    assert active() is None


def test_training_is_bitwise_the_same_with_the_callback(callback):
    weights = []
    for callbacks in ([], [callback]):
        L.seed_everything(3, verbose=False)
        net = Net()
        trainer(callbacks).fit(net, loader(), loader())
        weights.append([p.detach().clone() for p in net.parameters()])
    assert all(map(torch.equal, *weights))


def test_only_the_first_process_reports(callback, capsys):
    class Second(L.pytorch.strategies.SingleDeviceStrategy):
        is_global_zero = False

    trainer([callback], strategy=Second("cpu")).fit(Net(), loader())
    assert callback.run.closed
    assert capsys.readouterr().out.count("double-softmax") == 0


def test_a_pickle_or_copy_holds_the_arguments_alone(callback):
    trainer([callback]).fit(Net(), loader())
    for other in (pickle.loads(pickle.dumps(callback)), copy.deepcopy(callback)):
        assert other.run is None
        trainer([other]).fit(Net(), loader())
        assert other.run.path.parent == callback.run.path.parent


def test_an_unknown_argument_is_named():
    with pytest.raises(NetvetError, match=r"NetvetCallback\(overhed=...\).*overhead"):
        NetvetCallback(overhed=0.1)


def test_under_netvet_run_it_joins_the_run_of_the_script(tmp_path):
    own = Path(__file__).read_text().partition("@pytest.fixture")[0]
    (tmp_path / "train.py").write_text(own + "callback = NetvetCallback()\ntrainer([callback]).fit(Net(), loader())\n")
    done = subprocess.run(
        [sys.executable, "-m", "netvet", "run", "--no-probes", "train.py"], cwd=tmp_path, capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=300, check=False, text=True,
    )  # fmt: skip
    (found,) = Run.list(tmp_path / ".netvet" / "runs")
    assert found.steps == 8, done.stderr
    assert done.stdout.count("double-softmax  error") == 1
    assert "train_loss" in set(Run.open(found.path).get("metric"))


def test_it_does_nothing_in_a_step():
    each_step = [name for name in dir(L.Callback) if "train_batch" in name or "backward" in name or "optimizer" in name]
    each_step.append("on_before_zero_grad")
    assert {"on_train_batch_start", "on_after_backward", "on_before_optimizer_step"} <= set(each_step)
    assert [name for name in each_step if getattr(NetvetCallback, name) is not getattr(L.Callback, name)] == []
