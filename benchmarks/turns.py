"""Trainings in processes of their own that take turns, so that a drift of the machine falls on both of a pair."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import multiprocessing
import os
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from benchmarks.rivals import Variant
from benchmarks.workloads import Workload

# Steps that are not timed, before the first block and at the beginning of each: caches (another process had the core),
# lazy state of optimizers. A tool that looks more closely at first gets so many more at most, until that is over.
SETTLE, WARM_UP, LONGEST = 3, 1, 20_000
# Options of glibc's mallopt, and the largest value of both.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, LARGEST = -1, -3, 2**30


@dataclass(frozen=True)
class Times:
    """Seconds of the steps of a block: CPU time of the process, and wall time."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]


class Trainer:
    """A training in a process of its own, under a tool or plain, which stands still until it is asked.

    Raises:
        RuntimeError: the training or the tool failed.
    """

    def __init__(
        self, workload: Workload, variant: Variant | None, size: str, device: str, kind: type[Training] | None = None
    ) -> None:
        context = multiprocessing.get_context("fork")  # workloads are made of functions, which cannot be sent
        self._pipe, theirs = context.Pipe()
        given = (theirs, kind or Training, workload, variant, size, device)
        self._process = context.Process(target=_train, args=given, daemon=True)

    def __enter__(self) -> Trainer:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.send(None)
        self._process.join()

    def ask(self, what: str, *given: Any) -> Any:
        """Have a method called there; gives what it gave."""
        self._pipe.send((what, *given))
        told, failure = self._pipe.recv()
        if failure is not None:
            raise RuntimeError(failure)
        return told

    def settle(self) -> None:
        """Train until what happens at the beginning only is over."""
        self.ask("settle")

    def block(self) -> Times:
        """Train for a block of steps."""
        made: Times = self.ask("block")
        return made

    def steps(self) -> int:
        """How many steps were taken."""
        return int(self.ask("steps"))

    def weights_after(self, steps: int) -> str:
        """A hash of the bytes of all weights, after as many steps."""
        return str(self.ask("weights_after", steps))

    def synchronisations(self) -> float:
        """How often a step waits for the GPU."""
        return float(self.ask("synchronisations"))


class Training:
    """What goes on in the process."""

    def __init__(self, workload: Workload, variant: Variant | None, size: str, device: str, folder: Path) -> None:
        self.task, self.variant, self.device, self.count = workload.task(size, device), variant, device, workload.steps
        self.context = variant.enter(self.task, folder) if variant is not None else contextlib.nullcontext()

    def settle(self) -> None:
        """Train until what happens at the beginning only is over."""
        entered = self.context.__enter__()
        for _ in range(SETTLE):
            self.task.step()
        while self.variant is not None and not self.variant.settled(entered) and self.task.steps < LONGEST:
            self.task.step()

    def block(self, warm_up: int = WARM_UP) -> Times:
        """The host does not wait for the GPU between the steps: it would hide what a tool's own waiting costs."""
        for _ in range(warm_up):
            self.task.step()
        clock = _gpu_clock(self.count) if self.device == "cuda" else _wall_clock()
        cpu, tick = [], next(clock)
        tick()
        for _ in range(self.count):
            began = time.process_time()
            self.task.step()
            cpu.append(time.process_time() - began)
            tick()
        return Times(tuple(cpu), next(clock))

    def steps(self) -> int:
        return self.task.steps

    def weights_after(self, steps: int) -> str:
        while self.task.steps < steps:
            self.task.step()
        made = hashlib.sha256()
        for parameter in self.task.model.parameters():
            made.update(parameter.detach().cpu().numpy().tobytes())
        return made.hexdigest()

    def synchronisations(self, steps: int = 20) -> float:
        """As PyTorch itself warns of it."""
        torch.cuda.set_sync_debug_mode("warn")
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                for _ in range(steps):
                    self.task.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(w.message) for w in caught) / steps


def _keep_memory() -> None:
    """Let the allocator keep what it has taken from the system.

    Whether it gives the memory of each step back, and faults it in again page by page (a fifth of a step of the LSTM),
    hangs on what else lies at the end of the heap: luck, which would be measured in place of the tool.
    """
    with contextlib.suppress(OSError, AttributeError):  # another C library
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(M_TRIM_THRESHOLD, LARGEST)
        libc.mallopt(M_MMAP_THRESHOLD, LARGEST)


def _share_a_core() -> None:
    """Let all trainings run on the same core: they take turns, and no two cores are alike at a time."""
    with contextlib.suppress(OSError, AttributeError):  # no Linux
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _train(pipe: Connection, kind: type[Training], *given: Any) -> None:
    _keep_memory()
    _share_a_core()
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(EOFError):  # the asking process has ended
        try:
            training = kind(*given, Path(folder))
            broken = None
        except Exception as error:  # told when it is asked
            broken = error
        while (asked := pipe.recv()) is not None:
            try:
                if broken is not None:
                    raise broken
                pipe.send((getattr(training, asked[0])(*asked[1:]), None))
            except Exception as error:  # a tool of others on a PyTorch that it does not know
                pipe.send((None, f"{type(error).__name__}: {error}"))
        with contextlib.suppress(Exception):  # all was measured
            training.context.__exit__(None, None, None)


def _wall_clock() -> Iterator[Any]:
    ticks: list[float] = []
    yield lambda: ticks.append(time.perf_counter())
    yield tuple(after - before for before, after in pairwise(ticks))


def _gpu_clock(steps: int) -> Iterator[Any]:
    """Events in the stream, read when all is done."""
    waiting = [torch.cuda.Event(enable_timing=True) for _ in range(steps + 1)]
    events = iter(waiting)
    torch.cuda.synchronize()
    yield lambda: next(events).record()
    torch.cuda.synchronize()
    yield tuple(before.elapsed_time(after) / 1e3 for before, after in pairwise(waiting))
