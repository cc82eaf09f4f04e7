"""A run with JAX that a notebook or a loop of the user's own has opened."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

from netvet.capture.live import Ending, Live, LiveOptions, Source, guarded


class Watching:
    """From its beginning to its end.

    Raises:
        NetvetError: the store cannot be written.
    """

    def __init__(self, source: Source, options: LiveOptions) -> None:
        self.live = Live(source, options)
        try:
            self.live.begin()
        except BaseException:
            self.live.abandon()
            raise

    def step(self) -> AbstractContextManager[None]:
        """Steps of one's own need not be told of: JAX has no others."""
        return nullcontext()

    def end(self, error: BaseException | None) -> tuple[str, ...]:
        """Look at the run as a whole, and take everything out; one line for each thing that failed."""
        live, ending = self.live, Ending.of(error)
        if not live.here:
            return ()
        failed = [guarded(lambda: live.finish(ending)), guarded(lambda: live.close(ending))]
        return (*live.problems(), *(line for line in failed if line))
