"""A launcher that lost one rank sends SIGTERM to the others: what they saw is stored before they go."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any


class Termination:
    """Runs a last action when SIGTERM ends the process from now on; then it ends as it would have.

    Only where the signal has its default action: a script's own handler stays alone, also one that it sets later.
    After `hold`, the signal is put off for good: the process is about to end by itself.

    Args:
        last: what to do; its errors are dropped.
    """

    def __init__(self, last: Callable[[], object]) -> None:
        self._last = last
        self._pid = os.getpid()
        self._held = False
        main = threading.current_thread() is threading.main_thread()
        if main and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._handle)
            if hasattr(os, "register_at_fork"):
                os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        """In a forked child (a loader's worker): the signal has its default action again."""
        if signal.getsignal(signal.SIGTERM) == self._handle:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def hold(self) -> None:
        """From now on the signal changes nothing."""
        self._held = True

    def _handle(self, _number: int, _frame: Any) -> None:
        own = os.getpid() == self._pid
        if own and self._held:
            return
        try:
            if own:
                self._held = True
                self._last()
        except Exception:  # the process ends in any case
            pass
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTERM)
