"""Watch a Keras 3 training from the program itself: `model.fit(x, y, callbacks=[NetvetCallback()])`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

try:
    import keras
except ImportError as error:
    from netvet.core import NetvetError

    raise NetvetError(
        "netvet.adapters.keras: Keras 3 is not installed here; `pip install keras` or `pip install 'netvet[keras]'`"
    ) from error

from netvet.watch import Attention, WatchedRun, attend


class NetvetCallback(keras.callbacks.Callback):
    """Watches the trainings of a model from `fit` to `fit`, and prints the report when each one ends.

    The training is what it is without it: the same losses and weights. Works on the backends torch, JAX and
    TensorFlow. Under `netvet run` the run is that of the program. Lines of layers that were made before are not seen,
    as the callback begins with the training: `netvet run train.py` names them.

    Args:
        overhead: share of wall time for close looks: 0.01 or "1%".
        every: look closely at every so many steps, instead of by budget.
        deep: measure parameters and layers at every step, whatever it costs.
        store: folder of the runs; that of `[tool.netvet]`, else `.netvet/runs`.
        probes: look at a copy at the end of the training.
        stop_on: end the training by `TrainingStopped` when a finding of this severity is certain.
        on_stop: called before that, to save what is wanted.
        quiet: print no report at the end.
        show: draw the loss in the cell of a notebook, and the page of the run at the end; None: where there is one.

    Attributes:
        run: the newest run; None before the first training.

    Raises:
        NetvetError: an argument cannot be used.
    """

    def __init__(
        self,
        *,
        overhead: float | str = 0.01,
        every: int | None = None,
        deep: bool = False,
        store: str | Path | None = None,
        probes: bool = True,
        stop_on: str = "never",
        on_stop: Callable[[], object] | None = None,
        quiet: bool = False,
        show: bool | None = None,
    ) -> None:
        super().__init__()
        self._asked = Attention(overhead, every, deep, store, probes, stop_on, on_stop, quiet, show)
        self._script = sys._getframe(1).f_code.co_filename
        self.run: WatchedRun | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """`fit` has begun: open a run."""
        from netvet.capture.keras_watching import KerasWatching

        model = self._model

        def begin(options: Any) -> KerasWatching:
            watching = KerasWatching(self._script, replace(options, framework="keras"))
            watching.begin(model)
            return watching

        self.run = attend(type(model).__name__, (model,), begin, self._asked)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """`fit` has ended: close the run, and report."""
        if self.run is not None:
            self.run.close()
