"""A run that is being watched in this process: its beginning, its end, its record.

`netvet run` and `netvet.watch` both are one. Only one at a time, since the taps are the framework's own functions.
What is heard of a framework is its `Capture`; this file knows none.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from netvet.capture.errors import raised_at, text_of
from netvet.capture.frameworks import Framework
from netvet.capture.job import Job, describe_rank
from netvet.capture.recorder import Recorder, Schedule
from netvet.core import TrainingStopped
from netvet.store import RunWriter

INTERRUPTED = 130  # what a shell reports for a program that was stopped by Ctrl-C


class Stopper(Protocol):
    """Decides when a run is hopeless."""

    @property
    def on_stop(self) -> Callable[[], object] | None:
        """What the user wants to do before the end, if anything."""

    def look(self, path: Path, step: int) -> str | None:
        """Look at what is stored of a run; the reason to stop, if there is one."""


class Stop(Protocol):
    """Asks between steps whether to end the training.

    Attributes:
        on_stop: called before the end.
        stopped: the step and the reason, once the end was asked for.
        problems: one line for each thing that went wrong on the way.
    """

    on_stop: Callable[[], object] | None
    stopped: tuple[int, str] | None
    problems: list[str]

    def install(self) -> None:
        """Begin to ask."""

    def remove(self) -> None:
        """Ask no more."""

    def step_taken(self) -> None:
        """Ask if it is time; called after each step."""


class Capture(Protocol):
    """What hears a training of one framework: its taps, from their beginning to their end.

    Attributes:
        unseen: what to tell the user where no training step was seen.
    """

    unseen: str

    @property
    def step(self) -> int:
        """Completed optimizer steps."""

    @property
    def ended(self) -> bool:
        """The program has ended, and netvet looks at the run as a whole."""

    def environment(self) -> dict[str, Any]:
        """Versions and device, as in the signal `environment`."""

    def install(self) -> None:
        """Put the taps in; must come before the user's program imports anything."""

    def report(self) -> None:
        """Write all facts that are known by now."""

    def finish(self, ended: str) -> None:
        """Look a last time, write all facts, and take the taps out."""

    def remove(self) -> None:
        """Take the taps out; the framework is as it was."""

    def stop(self, run: Live, stopper: Stopper) -> Stop:
        """What asks between the steps of this training whether to end it."""


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
        framework: what the program trains with; `capture/FRAMEWORK_session.py` hears it.
    """

    store: Path
    name: str
    overhead: float = 0.01
    every: int | None = None
    deep: bool = False
    probes: bool = True
    stopper: Stopper | None = None
    framework: Framework = "torch"


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
        self.capture = _capture(self.recorder, options, first=self.first)
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
        return self.capture.step

    @property
    def ended(self) -> bool:
        """The program has ended, and netvet looks at the run as a whole."""
        return self.capture.ended

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
        self.recorder.facts("environment", [self.capture.environment()])
        self.capture.install()
        if self._stopper is not None:
            self.stop = self.capture.stop(self, self._stopper)
            self.stop.install()
        _active.live = self

    def finish(self, ending: Ending) -> None:
        """Let netvet look at the run as a whole, and take the taps out, whatever happens."""
        _active.live = None
        if self.stop is not None:
            self.stop.remove()
        self.capture.finish(ending.kind)

    def abandon(self) -> None:
        """Take everything out that was put in, where the beginning failed."""
        if _active.live is self:
            _active.live = None
        if self.stop is not None:
            self.stop.remove()
        self.capture.remove()
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
            found.append(f"no training step was seen: {self.capture.unseen}")
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


def _capture(recorder: Recorder, options: LiveOptions, *, first: bool) -> Capture:
    """The capture of the framework, which is imported only now."""
    made: Capture = import_module(f"netvet.capture.{options.framework}_session").capture_of(
        recorder, options, first=first
    )
    return made


def _number(value: Any) -> float | None:
    """A float of whatever is one number (tensors and NumPy scalars too); None for anything else."""
    if isinstance(value, (str, bytes)):
        return None
    try:
        return float(value.detach() if hasattr(value, "detach") else value)  # a tensor of PyTorch warns otherwise
    except Exception:  # what a foreign __float__ does must not reach the training
        return None
