"""What a trial needs of a framework: how its programs are seeded, heard, ended and scored.

A dialect (the changes that can be made in programs of a framework) is two things beside each other:

- `FRAMEWORK_trial.py` with a class `Trial` that follows the protocol below. `recorded.py` scores a run by the signals
  that its capture has stored, for frameworks that need no more.
- the package `FRAMEWORK_edits`: a table `EDITS` of the names of fixes and the modules that hold their edits, functions
  of the fix's name with dashes as underscores, each `Program -> Iterator[Editor]`. `edits_of` finds them. What a fix
  is, what it mends and what it costs is said once, in its own file, beside its edits for PyTorch; a fix that PyTorch
  does not know says in `@fix(framework=...)` whose edits its file holds. A fix without edits is not offered.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from netvet.capture.frameworks import Framework
from netvet.capture.live import Live
from netvet.fixes.measured import Measured

# Programs side by side at most: each holds its data in memory.
MOST_JOBS = 8
# Where the drivers of NVIDIA's and AMD's accelerators and of TPUs show: asking a framework would take its memory.
_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/accel0")
_READY = ("netvet.fixes.rerun", "sklearn.datasets", "sklearn.model_selection")


class Trial(Protocol):
    """One run of a program.

    Attributes:
        every: how often the capture looks closely at a run that is scored: each so many steps; None: by its budget.
    """

    every: int | None

    def alone(self) -> None:
        """Let this process, which is the program's, compute with one thread: others run beside it."""

    def seeded(self, seed: int) -> AbstractContextManager[object]:
        """Within it, a program that seeds itself gets other seeds (0: its own), one that does not is seeded."""

    def listen(self, live: Live) -> None:
        """Hear what the scores are made of; the program begins now."""

    def ending(self, live: Live, over: Callable[[], bool]) -> AbstractContextManager[object]:
        """Within it, the training ends with `TrainingStopped` behind the first step at which `over` says so."""

    def measured(self, live: Live, run: Path) -> Measured:
        """What the run came to; the program has ended, and `run` is where its signals are stored."""


def trial_of(framework: Framework) -> Trial:
    """A new trial; the framework is imported no earlier than here."""
    made: Trial = _module(framework).Trial()
    return made


def preloaded(framework: Framework) -> list[str]:
    """Modules that are made ready once for all trials; one that is not there is passed over."""
    return [*_READY, *_module(framework).preloaded()]


def side_by_side(framework: Framework = "torch") -> int:
    """Runs at a time: each computes with one thread and takes the program's memory; an accelerator holds one."""
    if framework == "torch":
        import torch

        held = torch.accelerator.is_available()
    else:
        held = os.environ.get("CUDA_VISIBLE_DEVICES") != "" and any(map(os.path.exists, _DEVICES))
    return 1 if held else min(os.cpu_count() or 1, MOST_JOBS)


def _module(framework: Framework) -> Any:
    return import_module(f"netvet.fixes.{framework}_trial")
