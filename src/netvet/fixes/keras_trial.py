"""A trial of a program of Keras 3, on any of its backends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from netvet.capture.imports import ImportListener
from netvet.capture.keras_session import KerasCapture
from netvet.capture.live import Live
from netvet.core import TrainingStopped
from netvet.fixes.keras_scores import KerasScores
from netvet.fixes.measured import Measured
from netvet.fixes.recorded import recorded
from netvet.fixes.seeds import STRIDE, moved, replaced, seed_python

# Read when a backend begins to compute.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
_XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def preloaded() -> list[str]:
    """What may be imported before a process forks, of the backend that the environment names.

    With JAX, Keras begins to compute when it is imported, and a program may choose its backend before that. TensorFlow
    is imported by every program that calls `keras.utils.set_random_seed` where it is installed, and takes longest.
    """
    ready = {"torch": ["torch", "keras"], "jax": ["jax"]}
    return [*ready.get(os.environ.get("KERAS_BACKEND", ""), []), "tensorflow"]


class Trial:
    """As in the protocol of `fixes/trial.py`."""

    every: int | None = 1  # every batch is heard

    def __init__(self) -> None:
        self._scores: KerasScores | None = None

    def alone(self) -> None:
        """Compute with one thread, whatever the backend."""
        os.environ.update(_ONE_THREAD)
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_XLA}".strip()
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)

    @contextmanager
    def seeded(self, seed: int) -> Iterator[None]:
        """Move the seeds that decide over initialisation, dropout and the order of batches.

        `keras.utils.set_random_seed` hands its seed to Python, NumPy and the backend; Keras draws its own seeds from
        Python's generator. As for PyTorch, NumPy's, which make data, are left alone. With TensorFlow installed, a seed
        of 0 draws other weights than the program by itself: it imports TensorFlow behind seeding Python's generator,
        from which that import draws, and here it is imported before.
        """
        shift = STRIDE * seed
        with ExitStack() as undo:
            undo.enter_context(seed_python(shift))
            heard = {"torch": _seed_torch, "tensorflow": _seed_tensorflow}
            listener = ImportListener({name: _tell(tell, undo, shift) for name, tell in heard.items()})
            listener.install()
            undo.callback(listener.remove)
            yield

    def listen(self, live: Live) -> None:
        """Keep samples, and let the close looks go."""
        capture = cast("KerasCapture", live.capture)
        self._scores = KerasScores(capture.training)
        capture.looks, capture.told = False, self._scores.told

    @contextmanager
    def ending(self, live: Live, over: Callable[[], bool]) -> Iterator[None]:
        """Ask behind each call of the function that trains."""
        capture = cast("KerasCapture", live.capture)

        def asked() -> None:
            if over():
                raise TrainingStopped(live.step, "a limit of steps or time", None)

        capture.asked = asked
        try:
            yield
        finally:
            capture.asked = lambda: None

    def measured(self, live: Live, run: Path) -> Measured:
        """By the samples that were kept, and the signals of the run."""
        training = cast("KerasCapture", live.capture).main()
        if training is None or self._scores is None or not training.steps:
            return recorded(run)
        try:
            scores, about = self._scores.found(training, training.now())
        except Exception:  # a model that cannot be called by itself: what the program tells of it is left
            scores, about = {}, {}
        return recorded(run, scores, **about)


def _tell(tell: Callable[[ExitStack, Any, int], None], undo: ExitStack, shift: int) -> Callable[[Any], None]:
    return lambda module: tell(undo, module, shift)


def _seed_torch(undo: ExitStack, torch: Any, shift: int) -> None:
    from netvet.fixes.seeding import shift_torch

    torch.manual_seed(shift)
    shift_torch(undo, shift, [0])


def _seed_tensorflow(undo: ExitStack, tensorflow: Any, shift: int) -> None:
    def seeds(before: Any) -> Any:
        return lambda seed: before(moved(seed, shift) if isinstance(seed, int) else seed)

    tensorflow.random.set_seed(shift)
    replaced(undo, tensorflow.random, "set_seed", seeds)
