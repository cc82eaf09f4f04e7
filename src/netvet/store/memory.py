"""A run that lies in memory: what was read of a log, with the signals of a stored run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from netvet.core import Facts, LayerSeries, Series
from netvet.store.reader import Thinned

Signals = Mapping[str, Series | LayerSeries | Facts]


class MemoryRun:
    """Signals by name; reads as a `Run` does.

    Attributes:
        path: stands for the folder of a run; its last part is the name of the run.
    """

    def __init__(self, path: Path, signals: Signals, reasons: Mapping[str, str], otherwise: str) -> None:
        """A run.

        Args:
            path: its name, as a path.
            signals: what it holds.
            reasons: why a signal is missing. otherwise: the same for all others.
        """
        self.path = path
        self._signals = dict(signals)
        self._reasons, self._otherwise = dict(reasons), otherwise

    def get(self, signal: str) -> Series | LayerSeries | Facts | None:
        """The signal, or None where it is missing."""
        return self._signals.get(signal)

    def reason(self, signal: str) -> str | None:
        """Why a signal is missing."""
        return None if signal in self._signals else self._reasons.get(signal, self._otherwise)

    def names(self) -> list[str]:
        """The signals that it holds, sorted."""
        return sorted(self._signals)

    def one(self, signal: str, key: str) -> Series | None:
        """One series of a signal."""
        found = self._signals.get(signal)
        if isinstance(found, LayerSeries):
            return found.get(key)
        return found if isinstance(found, Series) else None

    def thinned(self, signal: str, factor: int, key: str | None = None) -> dict[str, Thinned]:
        """No roll-ups are kept: all values are here."""
        return {}

    def close(self) -> None:
        """Nothing is open."""
