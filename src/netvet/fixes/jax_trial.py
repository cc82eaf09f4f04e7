"""A trial of a program of JAX."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from netvet.capture.imports import ImportListener
from netvet.capture.live import Live
from netvet.core import TrainingStopped
from netvet.fixes.measured import Measured
from netvet.fixes.recorded import recorded
from netvet.fixes.seeds import STRIDE, moved, replaced, seed_python

# Seeds of JAX have 32 bits where nothing else is asked for.
_LARGEST = 2**31


def preloaded() -> list[str]:
    """What may be imported before a process forks: JAX has begun nothing then."""
    return ["jax", "optax", "flax"]


class Trial:
    """As in the protocol of `fixes/trial.py`."""

    every: int | None = None

    def alone(self) -> None:
        """Compute with one thread; XLA reads this when it first computes."""
        one = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {one}".strip()

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Move the seeds that keys are made of; what the program splits keys into follows from these."""
        shift = STRIDE * seed
        with ExitStack() as undo:
            undo.enter_context(seed_python(shift))
            listener = ImportListener({"jax": lambda module: _shift_keys(undo, module, shift)})
            listener.install()
            undo.callback(listener.remove)
            yield

    def listen(self, live: Live) -> None:
        """What the capture stores is enough, as long as it hears every evaluation."""
        capture: Any = live.capture
        capture.tape.free = math.inf

    @contextmanager
    def ending(self, live: Live, over: Callable[[], bool]) -> Iterator[None]:
        """Ask behind each call that trains."""
        session: Any = live.capture.session  # type: ignore[attr-defined]
        session.options["stop"] = _Limit(live, over)
        try:
            yield
        finally:
            session.options.pop("stop", None)

    def measured(self, live: Live, run: Path) -> Measured:
        """By the signals of the run."""
        return recorded(run)


class _Limit:
    def __init__(self, live: Live, over: Callable[[], bool]) -> None:
        self._live, self._over = live, over

    def step_taken(self) -> None:
        if self._over():
            raise TrainingStopped(self._live.step, "a limit of steps or time", None)


def _shift_keys(undo: ExitStack, jax: Any, shift: int) -> None:
    def keys(before: Any) -> Any:
        def key(seed: Any, *args: Any, **kwargs: Any) -> Any:
            return before(moved(seed, shift, _LARGEST) if isinstance(seed, int) else seed, *args, **kwargs)

        return key

    if shift:
        for name in ("key", "PRNGKey"):
            replaced(undo, jax.random, name, keys)
