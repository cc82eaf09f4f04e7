"""The callback for skorch, in this process."""

import pickle

import numpy as np
import pytest

pytest.importorskip("skorch")

import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier
from torch import nn

from netvet.adapters.skorch import NetvetCallback
from netvet.core import first_record
from netvet.store import Run

X = np.random.default_rng(0).normal(size=(256, 4)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int64) + (X[:, 1] > 0)


class Net(nn.Module):
    def __init__(self, softmax=False, hidden=16):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 3))
        self.softmax = softmax

    def forward(self, x):
        return self.layers(x).softmax(1) if self.softmax else self.layers(x)


def net(*callbacks, **options):
    torch.manual_seed(0)
    fixed = {"criterion": nn.CrossEntropyLoss, "optimizer": torch.optim.Adam, "lr": 1e-2, "batch_size": 32}
    return NeuralNetClassifier(Net, max_epochs=6, verbose=0, callbacks=list(callbacks), **(fixed | options))


def weights(fitted):
    return [p.tolist() for p in fitted.module_.parameters()]


def ended(run):
    return first_record(Run.open(run.path).get("run"))["ended"]


def test_finds_the_fault_and_changes_nothing(tmp_path):
    plain = net(module__softmax=True).fit(X, Y)
    callback = NetvetCallback(store=tmp_path, quiet=True)
    watched = net(callback, module__softmax=True).fit(X, Y)
    assert weights(watched) == weights(plain)
    run = dict(watched.callbacks_)["NetvetCallback"].run_
    assert run.closed
    assert run.diagnosis.findings[0].check.name == "double-softmax"
    assert len(Run.open(run.path).get("metric")["valid_loss"].values) == 6
    assert "fit_loop" not in vars(watched)


def test_an_exception_closes_the_run_and_goes_on(tmp_path):
    callback = NetvetCallback(store=tmp_path, quiet=True)
    failing = net(callback)
    with pytest.raises(IndexError, match=r"Target \d is out of bounds"):
        failing.fit(X, Y + 5)
    assert callback.run_.closed
    assert ended(callback.run_) == "exception"
    assert "fit_loop" not in vars(failing)


def test_a_net_is_cloned_searched_and_pickled_with_it(tmp_path):
    callback = NetvetCallback(store=tmp_path, quiet=True)
    assert clone(callback).get_params() == callback.get_params()
    search = GridSearchCV(net(callback, train_split=None), {"lr": [3e-3, 1e-2]}, cv=2).fit(X, Y)
    assert len(Run.list(tmp_path)) == 5
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict(X), search.predict(X))


def test_a_net_is_pickled_while_it_trains(tmp_path):
    kept = []

    class Keep(NetvetCallback):
        def on_epoch_end(self, net, **_):
            kept.append(pickle.loads(pickle.dumps(net)))

    # A class of a function cannot be pickled by name.
    globals()["Keep"], Keep.__qualname__ = Keep, "Keep"
    net(Keep(store=tmp_path, quiet=True)).fit(X, Y)
    assert kept[0].fit_loop.__self__ is kept[0]
