"""A run that is being watched in this process: its beginning, its end, its record.

`netvet run` and `netvet.watch` both are one. Only one at a time, since the taps are PyTorch's own functions.
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import torch

from netvet.capture.job import Job, describe_rank
from netvet.capture.pace import Pace
from netvet.capture.recorder import Recorder, Schedule
from netvet.capture.torch_errors import raised_at, text_of
from netvet.capture.torch_session import Watch
from netvet.capture.torch_stop import Stop, Stopper
from netvet.core import TrainingStopped
from netvet.store import RunWriter

INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended: `kind` as in the signal `run`, exit status, and the exception if there was one."""

    kind: str
    status: int = 0
    error: BaseException | None = None

    @classmethod
    def of(cls, error: BaseException | None) -> Ending:
        """The ending by an exception, or by none."""
        if error is None or isinstance(error, GeneratorExit):  # a generator that nobody asks any more has ended well
            return cls("ok")
        if isinstance(error, SystemExit):
            status = error.code if isinstance(error.code, int) else int(error.code is not None)
            return cls("exit" if error.code else "ok", status)
        if isinstance(error, TrainingStopped):
            return cls("stopped", TrainingStopped.EXIT_CODE)
        if isinstance(error, KeyboardInterrupt):
            return cls("interrupt", INTERRUPTED, error)
        return cls("exception", 1, error)


@dataclass(frozen=True, slots=True)
class Source:
    """What is watched, for the record of the run: a script and its arguments, or the place of a call of `watch`."""

    script: str
    arguments: Sequence[str] = ()
    loss: str | None = None


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """How to watch.

    Args:
        store: folder of the runs.
        name: what the run is called in it.
        overhead: share of wall time that close looks may cost.
        every: look closely at every so many steps, instead of by budget.
        deep: measure parameters and layers at every step, whatever it costs.
        probes: probe a copy before the first update and at the end.
        stopper: asks during the run whether to end it.
    """

    store: Path
    name: str
    overhead: float = 0.01
    every: int | None = None
    deep: bool = False
    probes: bool = True
    stopper: Stopper | None = None


@dataclass(slots=True)
class _Active:
    live: Live | None = None
    pid: int = field(default_factory=os.getpid)


_active = _Active()


def active() -> Live | None:
    """The run that is being watched in this process now (a forked child has that of its parent)."""
    return _active.live


class Live:
    """A run while it goes on.

    Args:
        writer: where it is stored; a new run in the store without one.
        job: the distributed job of which this process is a rank.

    Raises:
        NetvetError: the store cannot be written.
    """

    def __init__(
        self,
        source: Source,
        options: LiveOptions,
        recorder: type[Recorder] = Recorder,
        *,
        writer: RunWriter | None = None,
        job: Job | None = None,
    ) -> None:
        self.source = source
        self.job, self.first = job, job is None or job.rank == 0
        self.writer = writer or RunWriter.create(options.store, options.name, rank=int(os.environ.get("RANK", "0")))
        self.recorder = recorder(self.writer, Schedule(options.overhead, options.every))
        pace = Pace(options.overhead, options.every)
        self.watch = Watch(self.recorder, pace, probes=options.probes, every_step=options.deep, first=self.first)
        self.stop: Stop | None = None
        self._stopper = options.stopper
        self._began = perf_counter()
        self._started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        self._pid = os.getpid()
        self._refused: dict[str, str] = {}

    @property
    def path(self) -> Path:
        """Where its signals are."""
        return self.writer.path

    @property
    def step(self) -> int:
        """Completed optimizer steps."""
        return self.watch.session.step

    @property
    def ended(self) -> bool:
        """The program has ended, and netvet looks at the run as a whole."""
        return self.watch.session.ended

    @property
    def loss(self) -> float | None:
        """The newest training loss."""
        return self.recorder.last_loss

    @property
    def seconds(self) -> float:
        """Wall time since the program began."""
        return perf_counter() - self._began

    @property
    def cost(self) -> float:
        """Of these, the seconds spent in netvet."""
        return self.recorder.cost

    @property
    def here(self) -> bool:
        """This is the process that began it."""
        return os.getpid() == self._pid

    def begin(self) -> None:
        """Put the taps in and write what is known already."""
        self._began = perf_counter()
        self._describe(None)
        self.recorder.facts("environment", [_environment()])
        self.watch.install()
        if self._stopper is not None:
            self.stop = Stop(self, self._stopper)
            self.stop.install()
        _active.live = self

    def finish(self, ending: Ending) -> None:
        """Let netvet look at the run as a whole, and take the taps out; PyTorch is as it was, whatever happens."""
        _active.live = None
        if self.stop is not None:
            self.stop.remove()
        self.watch.finish(ending.kind)

    def abandon(self) -> None:
        """Take everything out that was put in, where the beginning failed."""
        if _active.live is self:
            _active.live = None
        if self.stop is not None:
            self.stop.remove()
        self.watch.remove()
        self.writer.close()

    def close(self, ending: Ending) -> None:
        """Write how it ended; after `finish`."""
        self._describe(ending)
        self.writer.close()

    def log(self, metrics: dict[str, Any]) -> None:
        """Record numbers of the user's own at the present step; what is no number is left out and told of."""
        if not self.recorder.here or self.ended:
            return
        for name, value in metrics.items():
            number = _number(value)
            if number is None:
                self._refused[str(name)] = type(value).__name__
            else:
                self.recorder.value(self.step, "metric", number, str(name))

    def problems(self) -> tuple[str, ...]:
        """One line for each thing that netvet could not do."""
        found = [f"netvet switched off {part}: {reason}" for part, reason in self.recorder.switched_off.items()]
        if self.writer.error:
            found.append(f"the store stopped being written: {self.writer.error}")
        if self.step == 0:
            found.append(
                "no training step was seen: netvet watches PyTorch optimizers and backward calls of this process"
            )
        found += [f"run.log: {name} was left out where it was a {kind}" for name, kind in self._refused.items()]
        return (*found, *(self.stop.problems if self.stop is not None else ()))

    def _describe(self, ending: Ending | None) -> None:
        record: dict[str, Any] = {
            "script": self.source.script,
            "arguments": list(self.source.arguments),
            "started": self._started,
            "ended": ending.kind if ending else None,
            "steps": self.step,
        }
        if self.source.loss is not None:
            record["loss"] = self.source.loss
        if ending and ending.error is not None:
            record["exception"] = text_of(ending.error)
            record["exception_type"] = type(ending.error).__name__
            site = raised_at(ending.error.__traceback__)
            if site:
                record["exception_file"], record["exception_line"] = site
        if self.stop is not None and self.stop.stopped is not None:
            record["stopped_step"], record["stopped_because"] = self.stop.stopped
        record |= {"seconds": self.seconds, "netvet_seconds": self.cost}
        self.recorder.facts("run", [record])
        if self.job is not None:
            problems = self.problems() if ending else ()
            self.recorder.facts("ranks", [describe_rank(self.job.rank, self.job.world_size, problems)])


def guarded(function: Callable[[], object]) -> str | None:
    """Run something of netvet's own; its error as one line rather than raised."""
    try:
        function()
    except Exception as error:
        if os.environ.get("NETVET_DEBUG"):
            raise
        return f"internal error: {type(error).__name__}: {error} (NETVET_DEBUG=1 shows where; please report it)"
    return None


def _number(value: Any) -> float | None:
    """A float of whatever is one number (tensors and NumPy scalars too); None for anything else."""
    if isinstance(value, (str, bytes)):
        return None
    try:
        return float(value.detach() if isinstance(value, torch.Tensor) else value)
    except Exception:  # what a foreign __float__ does must not reach the training
        return None


def _environment() -> dict[str, Any]:
    return {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "device": "cuda" if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
    }
