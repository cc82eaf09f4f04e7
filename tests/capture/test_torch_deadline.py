"""How long a look at a copy may take."""

import torch

from netvet.capture import torch_deadline
from netvet.capture.torch_deadline import WAITING, Deadline


class Clocks:
    """Stands for both clocks: seconds of work, and seconds on the wall."""

    def __init__(self, monkeypatch):
        self.work, self.wall = 100.0, 1000.0
        monkeypatch.setattr(torch_deadline, "thread_time", lambda: self.work)
        monkeypatch.setattr(torch_deadline, "perf_counter", lambda: self.wall)


def test_time_that_other_programs_take_does_not_count(monkeypatch):
    clocks = Clocks(monkeypatch)
    deadline = Deadline(4.0, [torch.zeros(2)])
    clocks.work, clocks.wall = 103.0, 1010.0
    assert (deadline.spent, deadline.passed) == (3.0, False)
    clocks.work = 104.5
    assert deadline.passed


def test_nobody_waits_for_ever(monkeypatch):
    clocks = Clocks(monkeypatch)
    deadline = Deadline(4.0, [torch.zeros(2)])
    clocks.wall += WAITING * 4.0 + 0.1
    assert deadline.passed


def test_an_accelerator_is_timed_by_the_wall_clock(monkeypatch):
    clocks = Clocks(monkeypatch)
    deadline = Deadline(4.0, [torch.zeros(2), torch.zeros(2, device="meta")])
    clocks.wall += 4.5
    assert (deadline.spent, deadline.passed) == (4.5, True)


def test_nothing_to_work_on_and_no_time_left(monkeypatch):
    clocks = Clocks(monkeypatch)
    deadline = Deadline(-1.0, [])
    clocks.wall += 0.1
    assert deadline.passed
