"""The callback for fastai, and fastai's own optimizers under netvet.watch, in this process."""

from functools import partial

import pytest

pytest.importorskip("fastai")

import torch
from fastai.basics import CrossEntropyLossFlat, DataLoaders, Learner, accuracy
from fastai.callback.core import Callback
from fastai.callback.schedule import Learner as _  # noqa: F401  it adds fit_one_cycle and lr_find
from fastai.optimizer import SGD, Adam, Lookahead, Optimizer, RAdam
from torch import nn

import netvet
from netvet.adapters.fastai import NetvetCallback
from netvet.capture.torch_fastai import _name
from netvet.core import first_record
from netvet.store import Run


def learner(*last, folder=None, **options):
    torch.manual_seed(0)
    x = torch.randn(256, 4)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    items = list(zip(x, y, strict=True))
    dls = DataLoaders.from_dsets(items[:192], items[192:], bs=32, shuffle=False, num_workers=0)
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3), *last)
    return Learner(dls, model, loss_func=CrossEntropyLossFlat(), metrics=accuracy, path=folder, **options)


def weights(learn):
    return [p.tolist() for p in learn.model.parameters()]


def ended(run):
    return first_record(Run.open(run.path).get("run"))["ended"]


def test_finds_the_fault_and_changes_nothing(tmp_path):
    plain = learner(nn.Softmax(dim=1))
    plain.fit_one_cycle(6, 1e-2)
    callback = NetvetCallback(store=tmp_path, quiet=True)
    learn = learner(nn.Softmax(dim=1), cbs=callback)
    learn.fit_one_cycle(6, 1e-2)
    run = callback.watched
    assert weights(learn) == weights(plain)
    assert run.closed
    assert run.steps == 36
    assert run.diagnosis.findings[0].check.name == "double-softmax"
    assert len(Run.open(run.path).get("metric")["accuracy"].values) == 6
    assert "_do_epoch" not in vars(learn)


def test_an_exception_closes_the_run_and_goes_on(tmp_path):
    class Failing(Callback):
        def after_step(self):
            if self.train_iter == 3:
                raise ValueError("so")

    callback = NetvetCallback(store=tmp_path, quiet=True)
    learn = learner(cbs=[callback, Failing()])
    with pytest.raises(ValueError, match="so"):
        learn.fit(2, 1e-2)
    assert callback.watched.closed
    assert ended(callback.watched) == "exception"
    assert "_do_epoch" not in vars(learn)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of fastai's own checkpoints
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_search_for_a_rate_is_no_training(tmp_path):
    callback = NetvetCallback(store=tmp_path / "runs", quiet=True)
    learn = learner(folder=tmp_path, cbs=callback)
    learn.lr_find(show_plot=False, num_it=20)
    learn.fit(2, 1e-2)
    learn.get_preds()
    (run,) = Run.list(tmp_path / "runs")
    assert first_record(Run.open(run.path).get("run"))["steps"] == 12


def test_watch_hears_an_optimizer_of_fastai_and_its_settings(tmp_path):
    learn = learner(opt_func=partial(SGD, mom=0.9))
    learn.create_opt()
    with netvet.watch(learn.model, learn.opt, store=tmp_path, quiet=True) as run:
        learn.fit(2, 0.05)
    (optimizer,) = Run.open(run.path).get("optimizers")
    assert (optimizer["name"], optimizer["steps"]) == ("SGD", 12)
    (group,) = optimizer["groups"]
    assert (group["lr"], group["momentum"], group["parameters"]) == (0.05, 0.9, 4)
    assert Optimizer.step.__module__ == "fastai.optimizer"


def test_a_step_inside_a_step_counts_once(tmp_path):
    learn = learner(opt_func=lambda params, **settings: Lookahead(RAdam(params, **settings)))
    learn.create_opt()
    with netvet.watch(learn.model, store=tmp_path, quiet=True) as run:
        learn.fit(2, 1e-2)
    assert run.steps == 12


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (lambda p: Adam(p, 1e-3), "AdamW"),
        (lambda p: Adam(p, 1e-3, decouple_wd=False), "Adam"),
        (lambda p: SGD(p, 1), "SGD"),
    ],
)
def test_names_an_optimizer_as_pytorch_does(made, name):
    assert _name(made([nn.Parameter(torch.ones(1))])) == name
