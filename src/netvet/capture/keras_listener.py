"""The callback that netvet adds to those of a Keras training: it hears of epochs and evaluations, no more."""

from __future__ import annotations

from typing import Any, Protocol

from netvet.capture.recorder import Recorder
from netvet.capture.site import Site, user_site


class Hearing(Protocol):
    """What is told."""

    recorder: Recorder
    ended: bool

    def fit_begins(self, model: Any) -> None:
        """`fit` has begun."""

    def epoch_begins(self, model: Any) -> None:
        """An epoch begins."""

    def test_begins(self, model: Any, site: Site | None) -> None:
        """An evaluation begins."""

    def test_ends(self, logs: dict[str, Any] | None) -> None:
        """An evaluation has ended."""


def listener_of(capture: Hearing) -> Any:
    """A callback of Keras that tells a capture."""
    import keras

    guard = capture.recorder.guard

    class Listener(keras.callbacks.Callback):
        """It asks for `_model`: with JAX, asking for `model` brings its state back from the step."""

        def on_train_begin(self, logs: Any = None) -> None:
            if not capture.ended:
                guard("fit", capture.fit_begins)(self._model)

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if not capture.ended:
                guard("epochs", capture.epoch_begins)(self._model)

        def on_test_begin(self, logs: Any = None) -> None:
            if not capture.ended:
                guard("evaluations", capture.test_begins)(self._model, user_site(2))

        def on_test_end(self, logs: Any = None) -> None:
            if not capture.ended:
                guard("evaluations", capture.test_ends)(logs)

    return Listener()
