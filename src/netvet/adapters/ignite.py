"""Watch a trainer of PyTorch Ignite: `attach(trainer, model, optimizer)`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Number
from typing import Any

import netvet
from netvet.core import NetvetError
from netvet.watch import WatchedRun


class NetvetHandler:
    """Opens a run when an engine begins to train, and closes it when that ends or raises.

    Args:
        model: an `nn.Module`, or several.
        optimizer: those that count; all that step without it.
        evaluators: engines whose metrics are recorded, by name, when they have run.
        options: as for `netvet.watch`.

    Attributes:
        run: the newest run; None before the first.
    """

    def __init__(
        self, model: Any, optimizer: Any = None, *, evaluators: Mapping[str, Any] | None = None, **options: Any
    ) -> None:
        self._model, self._optimizer, self._options = model, optimizer, options
        self._evaluators = dict(evaluators or {})
        self._open = False
        self._failed: Any = None
        self.run: WatchedRun | None = None

    def attach(self, trainer: Any) -> NetvetHandler:
        """Hear of a trainer, and of the evaluators.

        Raises:
            NetvetError: it is no engine, or Ignite is not installed.
        """
        try:
            from ignite.engine import Engine, Events
        except ImportError:
            raise NetvetError("Ignite is not installed here; `pip install 'netvet[ignite]'`") from None
        wrong = next((one for one in (trainer, *self._evaluators.values()) if not isinstance(one, Engine)), None)
        if wrong is not None:
            raise NetvetError(f"NetvetHandler: expected an ignite.engine.Engine, got a {type(wrong).__name__}")
        trainer.add_event_handler(Events.STARTED, self._begin)
        trainer.add_event_handler(Events.EPOCH_COMPLETED, self._log, "")
        trainer.add_event_handler(Events.COMPLETED | Events.TERMINATE, self._end)
        self._failed = Events.EXCEPTION_RAISED
        trainer.add_event_handler(self._failed, self._fail)
        for name, evaluator in self._evaluators.items():
            evaluator.add_event_handler(Events.COMPLETED, self._log, f"{name} ")
        return self

    def _begin(self, _engine: Any) -> None:
        self.run = netvet.watch(self._model, self._optimizer, **self._options).__enter__()
        self._open = True

    def _log(self, engine: Any, prefix: str) -> None:
        if self.run is not None:
            metrics = {f"{prefix}{name}": value for name, value in engine.state.metrics.items()}
            self.run.log(**{name: value for name, value in metrics.items() if _is_number(value)})

    def _end(self, _engine: Any) -> None:
        self._close(None)

    def _fail(self, engine: Any, error: BaseException) -> None:
        self._close(error)
        # An engine that has a handler of its exceptions leaves them to that: what others have put in decides.
        if len(engine._event_handlers[self._failed]) == 1:
            raise error

    def _close(self, error: BaseException | None) -> None:
        if self.run is not None and self._open:
            self._open = False
            self.run.__exit__(type(error) if error is not None else None, error, None)


def attach(trainer: Any, model: Any, optimizer: Any = None, **options: Any) -> NetvetHandler:
    """Watch what a trainer trains; the arguments are those of `NetvetHandler`."""
    return NetvetHandler(model, optimizer, **options).attach(trainer)


def _is_number(value: Any) -> bool:
    return isinstance(value, Number) or getattr(value, "numel", lambda: 0)() == 1
