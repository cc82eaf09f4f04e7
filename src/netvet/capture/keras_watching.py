"""A Keras training that a callback has opened a run for: what exists already is adopted, all is undone after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from netvet.capture.keras_session import KerasCapture
from netvet.capture.live import Ending, Live, LiveOptions, Source, guarded
from netvet.capture.recorder import Recorder
from netvet.core import NetvetError

# Facts that are empty because what they tell of was over before the taps were in.
_OVER = {"seeds": "seeds that were set before the training began are not seen"}


class _LateRecorder(Recorder):
    """Says that something was not seen, rather than that there was none."""

    def facts(self, signal: str, records: Sequence[Mapping[str, Any]]) -> None:
        if signal in _OVER and not records:
            self.missing(signal, _OVER[signal])
        else:
            super().facts(signal, records)


class KerasWatching:
    """From its beginning to its end.

    Args:
        script: what is watched, for the record of the run.

    Raises:
        NetvetError: the store cannot be written, or this is no Keras 3 on a backend that netvet knows.
    """

    def __init__(self, script: str, options: LiveOptions) -> None:
        self.live = Live(Source(script), options, _LateRecorder)

    def begin(self, model: Any) -> None:
        """Put the taps in, and take in the model, whose `fit` has begun."""
        capture = self.live.capture
        if not isinstance(capture, KerasCapture):
            raise NetvetError("NetvetCallback: expected the capture of Keras; this is a mistake of netvet's own")
        try:
            self.live.begin()
            if "taps" in self.live.recorder.switched_off:
                raise NetvetError(f"NetvetCallback: {self.live.recorder.switched_off['taps']}")
            self.live.recorder.guard("what was there before the watch", capture.adopt)(model)
        except BaseException:
            self.live.abandon()
            raise

    def step(self) -> AbstractContextManager[Any]:
        """Steps of the user's own are heard by themselves."""
        return nullcontext()

    def end(self, error: BaseException | None) -> tuple[str, ...]:
        """Look at the run as a whole, and take everything out; one line for each thing that failed."""
        live, ending = self.live, Ending.of(error)
        if not live.here:
            return ()
        failed = [guarded(lambda: live.finish(ending)), guarded(lambda: live.close(ending))]
        return (*live.problems(), *(line for line in failed if line))
