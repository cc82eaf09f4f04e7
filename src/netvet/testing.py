"""For authors of checks: signals from plain data, and checks run the way a user's run would run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netvet.core import Facts, LayerSeries, Series


@dataclass(frozen=True)
class PlainSignals:
    """Signals held in memory, for tests of checks and of the diagnosis."""

    signals: Mapping[str, Series | LayerSeries | Facts] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def get(self, signal: str) -> Series | LayerSeries | Facts | None:
        """The signal, or None where the test gave none."""
        return self.signals.get(signal)

    def reason(self, signal: str) -> str | None:
        """Why it is missing, if the test said so."""
        return self.reasons.get(signal)
