import numpy as np
import pytest
import torch
from sleeping import Loop

from netvet.capture import pace, torch_outbox
from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.torch_events import Session
from netvet.capture.torch_outbox import MAX_HELD, Outbox
from netvet.capture.torch_session import Watch
from netvet.store import Run, RunWriter

SIGNALS = (
    "param_norm", "param_std", "param_grad_norm", "update_ratio", "grad_cosine",
    "activation_mean", "activation_std", "dead_unit_share",
)  # fmt: skip


class Sleeper:
    def __init__(self, ordinary):
        self.ordinary = ordinary


@pytest.fixture
def outbox(tmp_path):
    writer = RunWriter.create(tmp_path, "test")
    session = Session(Recorder(writer, Schedule(0.01)), None)
    session.sleeper = Sleeper(ordinary=0.01)
    yield Outbox(session)
    writer.close()


def trained(tmp_path, monkeypatch, held, steps=60):
    """Every number of a training whose collectors sleep after a few steps, and parameters and layers are measured."""
    for name, value in {"GRACE_SECONDS": 0.0, "DENSE_STEPS": 5, "FIRST_SLEEP": 40}.items():
        monkeypatch.setattr(pace, name, value)
    monkeypatch.setattr(torch_outbox, "MAX_HELD", held)
    monkeypatch.setattr(torch_outbox, "HELD_SECONDS", 1e9)
    writer = RunWriter.create(tmp_path, "test")
    recorder = Recorder(writer, Schedule(0.01))
    watch = Watch(recorder, Pace(0.01), probes=False, every_step=True)
    # The machine's speed must not decide when a window comes.
    monkeypatch.setattr(Pace, "ordinary", property(lambda self: 1.0 if self._slept else None))
    monkeypatch.setattr(Pace, "_interval", lambda _self, _step: 20)
    watch.install()
    loop = Loop().run(steps)
    watch.finish("ok")
    writer.close()
    assert recorder.switched_off == {}
    run = Run.open(writer.path)
    told = {
        (signal, name): (series.steps.tolist(), series.values.tolist())
        for signal in SIGNALS
        for name, series in run.get(signal).items()
    }
    return told, [p.detach().clone() for p in loop.model.parameters()]


def test_steps_that_are_handed_over_together_have_the_same_numbers_as_one_by_one(tmp_path, monkeypatch):
    single, weights = trained(tmp_path / "1", monkeypatch, 1)
    together, others = trained(tmp_path / "7", monkeypatch, 7)
    assert single == together
    assert single["param_norm", "0.weight"][0] == list(range(60))
    assert single["grad_cosine", "(all)"][0] == list(range(1, 60))
    assert all(torch.equal(one, other) for one, other in zip(weights, others, strict=True))


@pytest.mark.parametrize(("ordinary", "held"), [(0.0001, MAX_HELD), (0.01, 25), (0.1, 2), (3.0, 1), (None, 1)])
def test_no_more_is_held_than_a_killed_process_may_lose(outbox, ordinary, held):
    told = []
    outbox._session.sleeper.ordinary = ordinary
    outbox.on_sleep(None)
    for step in range(held):
        assert told == []
        outbox.put(step, [torch.ones(1)], lambda steps, *_: told.extend(steps), None)
        outbox.on_step_end()
    assert told == list(range(held))


def test_what_is_held_is_handed_over_before_the_collectors_wake_and_at_the_end(outbox):
    told = []

    def deliver(steps, _layout, _numbers):
        told.extend(steps)

    outbox.on_sleep(None)
    outbox.put(0, [torch.ones(1)], deliver, None)
    outbox.on_step_end()
    assert told == []
    outbox.on_wake(None)
    assert told == [0]
    outbox.put(1, [torch.ones(1)], deliver, None)
    outbox.on_step_end()
    assert told == [0, 1]
    outbox.on_sleep(None)
    outbox.put(2, [torch.ones(1)], deliver, None)
    outbox.on_finish("ok")
    assert told == [0, 1, 2]


def test_steps_of_one_layout_come_together_and_others_in_their_order(outbox):
    told = []

    def deliver(steps, layout, numbers):
        told.append((steps, layout, numbers.tolist()))

    outbox.on_sleep(None)
    for step, layout in enumerate("aabba"):
        outbox.put(step, [torch.tensor([step]), torch.tensor([7])], deliver, layout)
        outbox.put(step, [torch.tensor([step + 0.5], dtype=torch.float64)], deliver, "second of the step")
        outbox.on_step_end()
    outbox.on_wake(None)
    assert [one for one in told if len(one[1]) == 1] == [
        ([0, 1], "a", [[0.0, 7.0], [1.0, 7.0]]),
        ([2, 3], "b", [[2.0, 7.0], [3.0, 7.0]]),
        ([4], "a", [[4.0, 7.0]]),
    ]
    assert [one[0] for one in told if len(one[1]) > 1] == [[0, 1, 2, 3, 4]]


def test_numbers_that_are_not_there_at_some_steps_are_left_out(tmp_path):
    writer = RunWriter.create(tmp_path, "test")
    recorder = Recorder(writer, Schedule(0.01))
    values = np.arange(6.0).reshape(2, 3)
    recorder.block([0, 1], "update_ratio", ("a", "b", "c"), values, values != 4.0)
    recorder.block([2, 3], "update_ratio", ("a", "b", "c"), values, np.array([[True, False, True]] * 2))
    recorder.block([4, 5], "update_ratio", ("a", "b", "c"), values)
    recorder.block([6], "update_ratio", ("a",), values[:1, :1], np.array([[False]]))
    writer.close()
    found = Run.open(writer.path).get("update_ratio")
    assert {name: dict(zip(one.steps.tolist(), one.values.tolist(), strict=True)) for name, one in found.items()} == {
        "a": {0: 0.0, 1: 3.0, 2: 0.0, 3: 3.0, 4: 0.0, 5: 3.0},
        "b": {0: 1.0, 4: 1.0, 5: 4.0},
        "c": {0: 2.0, 1: 5.0, 2: 2.0, 3: 5.0, 4: 2.0, 5: 5.0},
    }


def test_blocks_that_wait_take_no_more_memory_than_single_steps(tmp_path, monkeypatch):
    monkeypatch.setattr("netvet.store.writer.QUEUE_LIMIT", 4)
    monkeypatch.setattr("netvet.store.writer.RunWriter._start", lambda self: None)
    writer = RunWriter.create(tmp_path, "test")
    for begin in (0, 2, 4, 6):
        writer.append_block([begin, begin + 1], "param_norm", ("a",), np.ones((2, 1)))
    writer.close()
    run = Run.open(writer.path)
    assert run.get("param_norm")["a"].steps.tolist() == [0, 1, 2, 3]
