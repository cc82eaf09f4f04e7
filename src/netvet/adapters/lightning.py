"""Watch a training of PyTorch Lightning: `Trainer(callbacks=[NetvetCallback()])`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from netvet.adapters.opened import Opened
from netvet.core import NetvetError

if TYPE_CHECKING:
    from netvet.watch import WatchedRun


def _base() -> type:
    """The callback of the Lightning that the program uses: it comes under two names, which do not know each other.

    Raises:
        NetvetError: it is not installed.
    """
    names = ("lightning.pytorch", "pytorch_lightning")
    for name in sorted(names, key=lambda n: n not in sys.modules):
        try:
            found: type = __import__(name, fromlist=["Callback"]).Callback
        except ImportError:
            continue
        return found
    raise NetvetError("Lightning is not installed here; `pip install 'netvet[lightning]'`")


_Callback: Any = _base()


class NetvetCallback(_Callback):
    """Watches every `fit` of a Trainer.

    Args:
        arguments: those of `netvet.watch`, apart from `model` and `optimizer`.

    Raises:
        NetvetError: there is no such argument.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        self._opened = Opened(arguments)

    @property
    def run(self) -> WatchedRun | None:
        """The run of this training, of the last one after its end; None before the first."""
        return self._opened.run

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Optimizers are made by now, and the sanity check is still to come: watch."""
        trained = getattr(trainer, "ckpt_path", None) is not None
        self._opened.begin(pl_module, trainer.optimizers, trained=trained, first=trainer.is_global_zero)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Record what was logged; the sanity check is no validation."""
        if not trainer.sanity_checking:
            self._opened.log(trainer.callback_metrics)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Record what was logged."""
        self._opened.log(trainer.callback_metrics)

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """The training is over: report."""
        self._opened.log(trainer.callback_metrics)
        self._opened.end()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """The training has failed, or was interrupted: report."""
        self._opened.end(exception)
