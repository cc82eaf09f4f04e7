"""What is none of PyTorch's own: optimizers, tensors of other classes, trainings that are undone."""

import sys
from contextlib import contextmanager
from types import ModuleType

import pytest
import torch
from torch import nn

import netvet
from netvet.capture.torch_own_steps import stand_in
from netvet.capture.torch_remade import OptimizerForm


class Image(torch.Tensor):
    """As fastai's TensorBase."""


def train(as_class=torch.Tensor, steps=40):
    torch.manual_seed(0)
    x = torch.randn(64, 4)
    y = (x[:, 0] > 0).long()
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)

    def one():
        scores = model(x).as_subclass(as_class)
        loss = nn.functional.cross_entropy(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return model, [one] * steps


def signals(path, *names):
    run = netvet.Run.open(path)
    return [(run.get(name), run.reason(name)) for name in names]


@pytest.mark.parametrize("as_class", [torch.Tensor, Image])
def test_a_step_through_tensors_of_another_class_is_replayed(as_class, tmp_path):
    model, steps = train(as_class)
    with netvet.watch(model, store=tmp_path, quiet=True) as run:
        for step in steps:
            step()
    for found, reason in signals(run.path, "step_repeat", "initial_loss", "lr_probe"):
        assert found is not None, reason


def test_a_stand_in_steps_on_copies_as_it_was_told():
    def descend(optimizer, *_):
        for group in optimizer.param_groups:
            for p in group["params"]:
                p.data.sub_(group["rate"] * p.grad)

    weight = nn.Parameter(torch.ones(2))
    made = stand_in("Descent", [{"params": [weight], "lr": 0.5, "rate": 0.25}], descend)
    twin = nn.Parameter(torch.ones(2))
    again = OptimizerForm.of(made, [weight]).made_for([twin])
    twin.grad = torch.full((2,), 2.0)
    again.step()
    assert type(again).__name__ == "Descent"
    assert twin.tolist() == [0.5, 0.5]
    assert weight.tolist() == [1.0, 1.0]


@pytest.fixture
def finders(monkeypatch):
    """What the libraries that search for a rate look like."""

    class Learner:
        def lr_find(self, search):
            search()
            return 3

    class FastaiLRFinder:
        @contextmanager
        def attach(self, found):
            yield found

    fastai, ignite = ModuleType("fastai.callback.schedule"), ModuleType("ignite.handlers.lr_finder")
    fastai.Learner, ignite.FastaiLRFinder = Learner, FastaiLRFinder
    monkeypatch.setitem(sys.modules, fastai.__name__, fastai)
    monkeypatch.setitem(sys.modules, ignite.__name__, ignite)
    return Learner(), FastaiLRFinder()


def test_steps_of_a_search_for_a_rate_are_left_out(finders, tmp_path):
    learner, finder = finders
    before = type(learner).lr_find, type(finder).attach
    model, steps = train(steps=20)
    with netvet.watch(model, store=tmp_path, quiet=True, probes=False) as run:
        assert learner.lr_find(steps[0]) == 3
        with finder.attach(7) as found:
            steps[0]()
        with pytest.raises(ZeroDivisionError):
            learner.lr_find(lambda: 1 / 0)
        for step in steps:
            step()
    assert found == 7
    assert run.steps == 20
    ((loss, _),) = signals(run.path, "loss")
    assert [len(series.values) for _, series in loss.items()] == [20]
    assert (type(learner).lr_find, type(finder).attach) == before


@pytest.mark.parametrize("whole", [True, False])
def test_a_saved_optimizer_is_known_in_a_file_of_its_own_or_with_others(whole, tmp_path):
    model, steps = train(steps=20)
    optimizer = torch.optim.Adam(model.parameters())
    state = optimizer.state_dict()
    with netvet.watch(model, store=tmp_path, quiet=True, probes=False) as run:
        steps[0]()
        torch.save(state if whole else {"optimizer": state}, tmp_path / "file.pt")
    ((checkpoints, _),) = signals(run.path, "checkpoints")
    assert [r["keys"] for r in checkpoints if r["kind"] == "save"] == [["optimizer"]]
