"""For authors of checks: signals from plain data, and checks run the way a user's run would run them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from netvet.core import Facts, LayerSeries, Series
from netvet.store.encoding import buckets
from netvet.store.reader import Thinned


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

    def thinned(self, signal: str, factor: int, key: str | None = None) -> dict[str, Thinned]:
        """Every series of a signal in buckets, as `Run.thinned` gives them."""
        found = self.get(signal)
        series = {"(all)": found} if isinstance(found, Series) else found if isinstance(found, LayerSeries) else {}
        names = ("step", "count", "minimum", "maximum", "mean", "last")
        rows = {n: buckets(s.steps, s.values, factor) for n, s in series.items() if key in (None, n)}
        return {n: Thinned(*(of[name] for name in names)) for n, of in rows.items()}
