"""A Keras training that a callback has opened a run for: what exists already is adopted, all is undone after."""

from __future__ import annotations

from typing import Any

from netvet.capture.attended import Attended, LateRecorder
from netvet.capture.keras_session import KerasCapture
from netvet.capture.live import Live, LiveOptions, Source
from netvet.core import NetvetError


class KerasWatching(Attended):
    """From its beginning to its end.

    Args:
        script: what is watched, for the record of the run.

    Raises:
        NetvetError: the store cannot be written, or this is no Keras 3 on a backend that netvet knows.
    """

    def __init__(self, script: str, options: LiveOptions) -> None:
        super().__init__(Live(Source(script), options, LateRecorder))

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
