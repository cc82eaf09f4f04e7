"""Series of a run, thinned to what a service can show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from netvet.core import LayerSeries, NetvetError, Series
from netvet.signals import SIGNALS
from netvet.store import Run

# A signal of so few series (loss, rate, gradient norm) is never thinned for the sake of layers.
FEW = 8
# So many values a series keeps however many series there are.
LEAST = 50


@dataclass(frozen=True, slots=True)
class Curve:
    """One series.

    Args:
        signal: its name in the catalogue.
        key: layer, parameter, optimizer or call site; empty where there is only one.
        series: what is exported of it.
        whole: values that the store has of it.
    """

    signal: str
    key: str
    series: Series
    whole: int

    @property
    def name(self) -> str:
        """Signal and key in one."""
        return f"{self.signal}/{self.key}" if self.key else self.signal


def curves_of(run: Run, only: Sequence[str], points: int | None, values: int | None) -> tuple[Curve, ...]:
    """The series of a run, signal by signal.

    Args:
        run: where they are stored.
        only: names of signals; empty: all that are no records.
        points: values of a series, at most (None: all).
        values: values of all series together, at most; a series keeps `LEAST` of them all the same.

    Raises:
        NetvetError: a signal that was named is not there.
    """
    signals = {name: run.get(name) for name in _names(run, only)}
    found = {name: _by_key(one) for name, one in signals.items()}
    few = sum(len(one) for one in found.values() if len(one) <= FEW)
    many = sum(len(one) for one in found.values()) - few
    share = points
    if points is not None and values is not None and many:
        share = max(LEAST, min(points, (values - few * points) // many))
    return tuple(
        Curve(name, key, thinned(series, points if len(one) <= FEW else share), len(series))
        for name, one in found.items()
        for key, series in one.items()
        if len(series)
    )


def _names(run: Run, only: Sequence[str]) -> list[str]:
    stored = [name for name in run.names() if name not in SIGNALS or SIGNALS[name].shape != "facts"]
    for name in only:
        if name not in stored:
            close = get_close_matches(name, stored, 3)
            hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(stored) or 'none'}"
            reason = run.reason(name)
            raise NetvetError(f"no series {name!r} in this run{f' ({reason})' if reason else ''}; {hint}")
    return [name for name in stored if not only or name in only]


def _by_key(found: object) -> dict[str, Series]:
    if isinstance(found, Series):
        return {"": found}
    return dict(found) if isinstance(found, LayerSeries) else {}


def thinned(series: Series, points: int | None) -> Series:
    """At most so many values, each of which was recorded at its step, never a mean.

    Of each stretch the smallest value, the largest and the first that is not finite stay, so that no peak and no NaN
    is lost; the first and the last value always stay.

    Args:
        points: at least 5; None: all.
    """
    if points is None or len(series) <= points:
        return series
    kept = {0, len(series) - 1}
    each = 2 if np.isfinite(series.values).all() else 3
    for part in np.array_split(np.arange(len(series)), max(1, (points - 2) // each)):
        values = series.values[part]
        finite = np.isfinite(values)
        if finite.any():
            kept.add(int(part[np.argmin(np.where(finite, values, np.inf))]))
            kept.add(int(part[np.argmax(np.where(finite, values, -np.inf))]))
        if not finite.all():
            kept.add(int(part[np.argmin(finite)]))
    chosen = np.array(sorted(kept))
    counts = None if series.stands_for is None else series.stands_for[chosen]
    return Series(series.steps[chosen], series.values[chosen], counts)


def told(curves: Sequence[Curve]) -> str | None:
    """What was left out, in one line."""
    short = [one for one in curves if len(one.series) < one.whole]
    if not short:
        return None
    most, whole = max(len(one.series) for one in short), max(one.whole for one in short)
    return (
        f"{len(short):,} of {len(curves):,} series are thinned to at most {most:,} values (of up to {whole:,}), with "
        "their extremes and what is not finite; `netvet export --points all` sends every value"
    )
