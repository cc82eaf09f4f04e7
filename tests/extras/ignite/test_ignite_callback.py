"""The handler for Ignite, in this process."""

import pytest

pytest.importorskip("ignite")

import torch
from ignite.engine import Engine, Events, create_supervised_evaluator, create_supervised_trainer
from ignite.metrics import Accuracy
from torch import nn

from netvet.adapters.ignite import attach
from netvet.core import NetvetError, first_record
from netvet.store import Run


def parts(*last, lr=1e-2):
    torch.manual_seed(0)
    x = torch.randn(256, 4)
    y = (x[:, 0] > 0).long() + (x[:, 1] > 0).long()
    model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3), *last)
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, 256, 32)]
    return model, optimizer, batches, create_supervised_trainer(model, optimizer, nn.CrossEntropyLoss())


def ended(run):
    return first_record(Run.open(run.path).get("run"))["ended"]


def test_finds_the_fault_and_changes_nothing(tmp_path):
    model, _, batches, trainer = parts(nn.Softmax(dim=1))
    trainer.run(batches, max_epochs=8)
    plain = [p.tolist() for p in model.parameters()]

    model, optimizer, batches, trainer = parts(nn.Softmax(dim=1))
    evaluator = create_supervised_evaluator(model, metrics={"accuracy": Accuracy()})
    trainer.add_event_handler(Events.EPOCH_COMPLETED, lambda: evaluator.run(batches))
    handler = attach(trainer, model, optimizer, evaluators={"train": evaluator}, store=tmp_path, quiet=True)
    trainer.run(batches, max_epochs=8)
    assert [p.tolist() for p in model.parameters()] == plain
    assert handler.run.closed
    assert handler.run.steps == 64
    assert handler.run.diagnosis.findings[0].check.name == "double-softmax"
    assert len(Run.open(handler.run.path).get("metric")["train accuracy"].values) == 8


def test_an_exception_closes_the_run_and_goes_on(tmp_path):
    model, optimizer, batches, trainer = parts()

    @trainer.on(Events.ITERATION_COMPLETED(once=5))
    def fail():
        raise ZeroDivisionError

    handler = attach(trainer, model, optimizer, store=tmp_path, quiet=True)
    with pytest.raises(ZeroDivisionError):
        trainer.run(batches, max_epochs=8)
    assert handler.run.closed
    assert ended(handler.run) == "exception"


def test_handlers_of_exceptions_that_the_user_has_decide(tmp_path):
    model, optimizer, batches, trainer = parts()
    seen = []
    trainer.add_event_handler(Events.ITERATION_COMPLETED(once=5), lambda: 1 / 0)
    trainer.add_event_handler(Events.EXCEPTION_RAISED, lambda _engine, error: seen.append(error))
    attach(trainer, model, optimizer, store=tmp_path, quiet=True)
    trainer.run(batches, max_epochs=1)
    assert [type(error) for error in seen] == [ZeroDivisionError]


def test_each_training_is_a_run_of_its_own(tmp_path):
    model, optimizer, batches, trainer = parts()
    handler = attach(trainer, model, optimizer, store=tmp_path, quiet=True)
    trainer.run(batches, max_epochs=2)
    first = handler.run
    trainer.run(batches, max_epochs=4)
    assert handler.run is not first
    assert handler.run.steps == 16


def test_says_what_it_expects():
    with pytest.raises(NetvetError, match=r"expected an ignite\.engine\.Engine, got a Linear"):
        attach(nn.Linear(1, 1), nn.Linear(1, 1))
    with pytest.raises(NetvetError, match=r"expected an ignite\.engine\.Engine, got a int"):
        attach(Engine(lambda *_: None), nn.Linear(1, 1), evaluators={"val": 3})
