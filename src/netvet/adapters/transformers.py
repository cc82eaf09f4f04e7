"""Watch a training by the Trainer of Hugging Face: `Trainer(..., callbacks=[NetvetCallback()])`."""

from __future__ import annotations

import sys
from types import FrameType
from typing import TYPE_CHECKING, Any

from netvet.adapters.opened import Opened
from netvet.core import NetvetError

try:
    from transformers import Trainer, TrainerCallback
except ImportError as missing:
    raise NetvetError(
        f"the Trainer of transformers cannot be imported ({missing}); `pip install 'netvet[transformers]'`"
    ) from missing

if TYPE_CHECKING:
    from netvet.watch import WatchedRun


_OF_SPEED = ("_runtime", "_per_second", "total_flos")


class NetvetCallback(TrainerCallback):
    """Watches every `train` of a Trainer.

    Args:
        arguments: those of `netvet.watch`, apart from `model` and `optimizer`.

    Raises:
        NetvetError: there is no such argument.
    """

    def __init__(self, **arguments: Any) -> None:
        self._opened = Opened(arguments)

    @property
    def run(self) -> WatchedRun | None:
        """The run of this training, of the last one after its end; None before the first."""
        return self._opened.run

    def on_init_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """See to it that an error ends the run: the Trainer tells its callbacks of none."""
        trainer = _trainer()
        if trainer is not None and not isinstance(vars(trainer).get("train"), _Guarded):
            trainer.train = _Guarded(trainer, self)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Model and optimizer are ready: watch."""
        self.on_init_end(args, state, control)  # for the next training, where the callback was added late
        resumed = state.global_step > 0
        optimizers = [one for one in (kwargs.get("optimizer"),) if one is not None]
        self._opened.begin(kwargs["model"], optimizers, trained=resumed, first=state.is_world_process_zero)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Record what the Trainer logs, apart from what it says of its own speed."""
        self._opened.log({k: v for k, v in (logs or {}).items() if not k.endswith(_OF_SPEED)})

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """The training is over: report."""
        self._opened.end()


class _Guarded:
    """`train` of one Trainer, which ends the run of its callback whatever happens."""

    def __init__(self, trainer: Trainer, callback: NetvetCallback) -> None:
        self._trainer, self._callback = trainer, callback

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        opened = self._callback._opened
        try:
            return type(self._trainer).train(self._trainer, *args, **kwargs)
        except BaseException as error:
            opened.end(error)
            raise


def _trainer() -> Trainer | None:
    """The Trainer that is telling its callbacks."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        found = frame.f_locals.get("self")
        if isinstance(found, Trainer):
            return found
        frame = frame.f_back
    return None
