"""A trial of a program of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from netvet.capture.live import Live
from netvet.capture.torch_metrics import MetricWindow
from netvet.capture.torch_ops import StepRecorder
from netvet.capture.torch_session import watch_of
from netvet.capture.torch_tensors import Budget
from netvet.core import TrainingStopped
from netvet.fixes.measured import Measured, measure
from netvet.fixes.scoring import Scores
from netvet.fixes.seeding import shifted

# What the scores are made of; all other collectors are let go.
_PARTS = frozenset((
    "scores of a trial", "evaluations", "metrics", "metric window", "loaders", "loader batches",
    "targets of the model's own", "places of creation", "losses written by hand", "step recording",
))  # fmt: skip


def preloaded() -> list[str]:
    """Every optimizer imports the compiler."""
    return ["netvet.fixes.torch_trial", "torch._dynamo"]


class Trial:
    """As in the protocol of `fixes/trial.py`."""

    every = 1  # the collectors never sleep

    def __init__(self) -> None:
        self._scores: Scores | None = None

    def alone(self) -> None:
        """Compute with one thread."""
        torch.set_num_threads(1)

    def seeded(self, seed: int) -> AbstractContextManager[None]:
        """See `seeding`."""
        return shifted(seed)

    def listen(self, live: Live) -> None:
        """Keep what scores the run, and let the other collectors go."""
        session = watch_of(live).session
        self._scores = Scores(session)
        session.add(StepRecorder(session, lambda _recording: None))
        session.add(self._scores)
        session.keep_only(_PARTS)
        window: MetricWindow = session.options["metric_window"]
        if window.collector is not None:
            window.collector.budget = Budget(1.0, float("inf"))  # every pass counts

    @contextmanager
    def ending(self, live: Live, over: Callable[[], bool]) -> Iterator[None]:
        """Ask behind each step of an optimizer."""

        def stop(*_: Any) -> None:
            if over() and not watch_of(live).session.in_backward:
                raise TrainingStopped(live.step, "a limit of steps or time", None)

        handle = register_optimizer_step_post_hook(stop)
        try:
            yield
        finally:
            handle.remove()

    def measured(self, live: Live, run: Path) -> Measured:
        """Of what was heard."""
        return measure(self._scores, live.step) if self._scores is not None else Measured()
