"""Run a small training loop under watch, in this process, and read what was recorded."""

import sys
from collections.abc import Callable, Iterator

import pytest
import torch

from netvet.capture import pace
from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.torch_session import Watch
from netvet.store import Run, RunWriter
from tests.capture.sleeping import Sleepy


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def nothing_is_compiled() -> Iterator[None]:
    """What one test compiles must not keep netvet's mode out of the others."""
    yield
    compiler = sys.modules.get("torch._dynamo.utils")
    if compiler is not None:
        compiler.counters.clear()


@pytest.fixture
def watch(tmp_path) -> Iterator[Callable[..., Run]]:
    """A function that runs another under watch and gives the recorded run."""
    opened = []

    def run(train: Callable[[], object], *, probes: bool = True, every: int | None = 1) -> Run:
        writer = RunWriter.create(tmp_path, "test")
        recorder = Recorder(writer, Schedule(0.01, every))
        watched = Watch(recorder, Pace(0.01), probes=probes)
        watched.install()
        ended = "exception"
        try:
            train()
            ended = "ok"
        finally:
            watched.finish(ended)
            writer.close()
        assert recorder.switched_off == {}
        assert torch._C._len_torch_function_stack() == 0
        opened.append(Run.open(writer.path))
        return opened[-1]

    yield run
    for one in opened:
        one.close()


@pytest.fixture(params=["awake", "asleep"])
def closely(tmp_path, monkeypatch, request) -> Iterator[Callable[..., Run]]:
    """Like `watch`, with every step looked at closely, by collectors that are awake, or asleep from the third step."""
    opened, asleep = [], request.param == "asleep"
    if asleep:
        monkeypatch.setattr(pace, "GRACE_SECONDS", 0.0)
        monkeypatch.setattr(pace, "DENSE_STEPS", 3)
        monkeypatch.setattr(pace, "FIRST_SLEEP", 1000)
        monkeypatch.setattr(pace, "MIN_SLEEP", 1000)
        monkeypatch.setattr(Pace, "may_rouse", lambda *_: False)

    def run(train: Callable[[], object]) -> Run:
        writer = RunWriter.create(tmp_path, "test")
        recorder = Recorder(writer, Schedule(0.01, 1))
        watched = Watch(recorder, Pace(0.01), probes=False, every_step=asleep)
        watched.install()
        ended, slept = "exception", False
        try:
            train()
            ended, slept = "ok", watched.session.asleep
        finally:
            watched.finish(ended)
            writer.close()
        assert recorder.switched_off == {}
        assert slept is asleep
        opened.append(Run.open(writer.path))
        return opened[-1]

    run.asleep = asleep
    yield run
    for one in opened:
        one.close()


@pytest.fixture
def sleepy(tmp_path, monkeypatch):
    """Makes a watch whose collectors sleep early."""
    monkeypatch.setattr(pace, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(pace, "DENSE_STEPS", 10)
    made = []

    def make(**kwargs):
        made.append(Sleepy(tmp_path, **kwargs))
        return made[-1]

    yield make
    for one in made:
        one.watch.remove()
