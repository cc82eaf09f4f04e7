"""Watch a learner of fastai: `Learner(..., cbs=NetvetCallback())`, or `learn.fit(5, cbs=NetvetCallback())`."""

from __future__ import annotations

from typing import Any

import netvet
from netvet.adapters.noticing import Noticing
from netvet.core import NetvetError
from netvet.watch import WatchedRun

try:
    from fastai.callback.core import (
        Callback,
        CancelBatchException,
        CancelEpochException,
        CancelFitException,
        CancelTrainException,
        CancelValidException,
    )
except ImportError:
    raise NetvetError("fastai is not installed here; `pip install 'netvet[fastai]'`") from None


_STEERING = (
    CancelFitException, CancelEpochException, CancelTrainException, CancelValidException, CancelBatchException,
)  # fmt: skip


class NetvetCallback(Callback):
    """Opens a run when a fit begins, and closes it when that ends or raises.

    Args:
        options: as for `netvet.watch`.

    Attributes:
        watched: the newest run; None before the first.
    """

    # After fastai's own, so that model and optimizer are what they will be.
    order = 90

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._noticing: Noticing | None = None
        self.watched: WatchedRun | None = None

    def before_fit(self) -> None:
        """The fit begins; not where `lr_find` or a prediction borrows the learner."""
        if hasattr(self.learn, "lr_finder") or hasattr(self.learn, "gather_preds"):
            return
        self.watched = netvet.watch(self.learn.model, self.learn.opt, **self._options).__enter__()
        self._noticing = Noticing(self.learn, "_do_epoch", self._close, _STEERING)

    def after_epoch(self) -> None:
        """Record what the learner's own recorder has found: losses and metrics of the epoch."""
        recorder = getattr(self.learn, "recorder", None)
        if self._noticing is None or self.watched is None or recorder is None:
            return
        found = dict(zip(recorder.metric_names, getattr(recorder, "log", ()), strict=False))
        self.watched.log(**{name: value for name, value in found.items() if isinstance(value, (int, float))})

    def after_fit(self) -> None:
        """The fit has ended, or was cancelled."""
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        noticing, self._noticing = self._noticing, None
        if noticing is not None and self.watched is not None:
            noticing.remove()
            self.watched.__exit__(type(error) if error is not None else None, error, None)
