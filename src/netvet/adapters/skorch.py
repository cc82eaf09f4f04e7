"""Watch a net of skorch: `NeuralNetClassifier(..., callbacks=[NetvetCallback()])`."""

from __future__ import annotations

from typing import Any

import netvet
from netvet.adapters.noticing import Noticing
from netvet.core import NetvetError
from netvet.watch import WatchedRun

try:
    from skorch.callbacks import Callback
except ImportError:
    raise NetvetError("skorch is not installed here; `pip install 'netvet[skorch]'`") from None


class NetvetCallback(Callback):
    """Opens a run when a net begins to train, and closes it when that ends or raises.

    Args:
        options: as for `netvet.watch`.

    Attributes:
        run_: the newest run; None before the first.
    """

    def __init__(self, **options: Any) -> None:
        self.options = options
        self._noticing: Noticing | None = None
        self.run_: WatchedRun | None = None

    def on_train_begin(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:  # noqa: N803
        """The training begins: everything of the net's own is there."""
        modules = {name: getattr(net, f"{name}_") for name in net._modules}
        models = next(iter(modules.values())) if len(modules) == 1 else modules
        optimizers = [getattr(net, f"{name}_") for name in net._optimizers]
        self.run_ = netvet.watch(models, optimizers, **self.options).__enter__()
        self._noticing = Noticing(net, "fit_loop", self._close)

    def on_epoch_end(self, net: Any, dataset_train: Any = None, dataset_valid: Any = None, **_: Any) -> None:
        """Record the numbers of the epoch in the history of the net."""
        if self.run_ is not None:
            row = net.history[-1]
            self.run_.log(**{name: v for name, v in row.items() if isinstance(v, float) and name != "dur"})

    def on_train_end(self, net: Any, X: Any = None, y: Any = None, **_: Any) -> None:  # noqa: N803
        """The training has ended, or was interrupted."""
        self._close(None)

    def _close(self, error: BaseException | None) -> None:
        noticing, self._noticing = self._noticing, None
        if noticing is not None and self.run_ is not None:
            noticing.remove()
            self.run_.__exit__(type(error) if error is not None else None, error, None)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options; a clone of the net opens a run of its own."""
        return dict(self.options)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "run_": None, "_noticing": None}
