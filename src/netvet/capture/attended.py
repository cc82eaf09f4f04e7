"""What runs that a notebook or a callback has opened have in common, whatever the framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from netvet.capture.live import Ending, Live, guarded
from netvet.capture.recorder import Recorder

# Facts that are empty because what they tell of was over before the taps were in.
_OVER = {"seeds": "seeds that were set before netvet.watch was called are not seen"}


class LateRecorder(Recorder):
    """Says that something was not seen, rather than that there was none."""

    def facts(self, signal: str, records: Sequence[Mapping[str, Any]]) -> None:
        if signal in _OVER and not records:
            self.missing(signal, _OVER[signal])
        else:
            super().facts(signal, records)


class Attended:
    """A run from its beginning to its end.

    Args:
        live: the run; not begun yet.
    """

    def __init__(self, live: Live) -> None:
        self.live = live

    def step(self) -> AbstractContextManager[Any]:
        """A step of the user's own; most frameworks have none that needs to be told of."""
        return nullcontext()

    def end(self, error: BaseException | None) -> tuple[str, ...]:
        """Look at the run as a whole, and take everything out; one line for each thing that failed."""
        live, ending = self.live, Ending.of(error)
        if not live.here:  # a forked child leaves the block too
            return ()
        failed = [guarded(lambda: live.finish(ending)), guarded(lambda: live.close(ending))]
        return (*live.problems(), *(line for line in failed if line))
