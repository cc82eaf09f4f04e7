"""A run with JAX that a notebook or a loop of the user's own has opened."""

from __future__ import annotations

from netvet.capture.attended import Attended
from netvet.capture.live import Live, LiveOptions, Source


class Watching(Attended):
    """From its beginning to its end.

    Raises:
        NetvetError: the store cannot be written.
    """

    def __init__(self, source: Source, options: LiveOptions) -> None:
        super().__init__(Live(source, options))
        try:
            self.live.begin()
        except BaseException:
            self.live.abandon()
            raise
