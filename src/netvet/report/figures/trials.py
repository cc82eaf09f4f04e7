"""What several short trainings came to, always drawn alike: curves with a band, bars with intervals."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netvet.report.figures.predictions import number_of
from netvet.report.figures.spec import Axis, Bar, Bars, Base, Curve, Lines, Mark, axis, numbers
from netvet.report.figures.thin import Role

# Steps of a trial, which are not those of the run: no finding is marked on this axis.
TRIAL_STEPS = axis("optimizer steps of the trial")
# Arms that are drawn in one picture, the unchanged one among them: more than this are told apart by nobody.
ARMS = 12
# Positive losses that span more than this are drawn over logarithms.
WIDE = 100.0

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spread:
    """An arm with a number: its mean, and the interval (or the range over the seeds) where there is one."""

    name: str
    mean: float | None
    low: float | None = None
    high: float | None = None

    @classmethod
    def over(cls, name: str, values: Any) -> Spread:
        """Mean and range of the numbers of all seeds; no mean where one of them has diverged."""
        known = [number_of(v) for v in listed(values)]
        finite = [v for v in known if v is not None]
        if not finite or len(finite) < len(known):
            return cls(name, None)
        return cls(name, sum(finite) / len(finite), min(finite), max(finite))

    @classmethod
    def of(cls, name: str, record: Any, value: str = "effect") -> Spread:
        """A number of a record with its interval `low` to `high`."""
        found = record if isinstance(record, Mapping) else {}
        return cls(name, *(number_of(found.get(word)) for word in (value, "low", "high")))


def exact(value: Any) -> float | None:
    """A number that can be drawn, with all of its digits, else None."""
    return float(value) if number_of(value) is not None else None


def listed(values: Any) -> Sequence[Any]:
    """A list, empty where there is none."""
    return values if isinstance(values, list | tuple) else ()


def mapped(values: Any) -> Mapping[str, Any]:
    """Values by name, empty where there are none."""
    return {str(name): one for name, one in values.items()} if isinstance(values, Mapping) else {}


def word_of(text: str) -> str:
    """A text as a part of an id."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:40].strip("-")


def base(identifier: str, title: str, about: str, signal: str) -> Base:
    """What all figures have."""
    return {"id": identifier, "title": title, "about": about, "signals": [signal]}


def fan(name: str, runs: Iterable[tuple[Iterable[Any], Any]], role: Role) -> Curve | None:
    """Several runs of one arm as a curve: their mean, and the range of all of them as a band.

    Args:
        name: of the arm.
        runs: of each seed, places [n] and values [n]; what is no number is left out.
        role: fixes the colour.

    Returns:
        The curve over all places of any run. There is a mean only where all runs have a value: one that drops runs
        which have diverged would fall without reason.
    """
    found: dict[float, list[float]] = {}
    count = 0
    for places, values in runs:
        count += 1
        for place, value in zip(places, listed(values), strict=False):
            at, known = exact(place), exact(value)
            if at is not None:
                found.setdefault(at, []).extend([known] if known is not None else [])
    if not any(found.values()):
        return None
    x = sorted(found)
    mean = [sum(found[at]) / count if len(found[at]) == count else None for at in x]
    drawn: Curve = {"name": name, "x": x, "y": [_short(v) for v in mean], "role": role, "style": "line"}
    if count > 1:
        drawn["low"] = [_short(min(found[at], default=None)) for at in x]
        drawn["high"] = [_short(max(found[at], default=None)) for at in x]
    return drawn


def _short(value: float | None) -> float | None:
    return None if value is None else numbers([value])[0]


def spaced(values: Any, steps: Any) -> tuple[list[float], Sequence[Any]]:
    """Places of numbers that were kept of every so many steps of a trial."""
    kept = listed(values)
    total = number_of(steps) or len(kept)
    every = max(1, round(total / len(kept))) if kept else 1
    return [float(every * i) for i in range(len(kept))], kept


def plot(about: Base, x: Axis, y: Axis, curves: Iterable[Curve | None], marks: Sequence[Mark] = ()) -> list[Lines]:
    """Curves over an axis, as a list of one figure; of none, where no curve has a number."""
    drawn = [one for one in curves if one is not None][:ARMS]
    if not any(v is not None for one in drawn for v in one["y"]):
        return []
    if y["unit"] == "loss" and _spans(drawn):
        y = {**y, "scale": "log"}
    return [{**about, "kind": "lines", "x": x, "y": y, "curves": drawn, "marks": list(marks)}]


def _spans(curves: Sequence[Curve]) -> bool:
    known = [v for one in curves for v in (*one["y"], *one.get("low", ())) if v is not None]
    return bool(known) and min(known) > 0 and max(known) > WIDE * min(known)


def spreads(about: Base, x: str, y: Axis, series: Mapping[str, tuple[Sequence[Spread], Any]]) -> list[Bars]:
    """Arms as bars with their intervals, as a list of one figure; of none, where no arm has a number.

    Args:
        x: what the categories are. series: by name, arms and the role of their bars; a category that only one series
            has is empty in the others.
    """
    names = list(dict.fromkeys(one.name for arms, _ in series.values() for one in arms))
    drawn: list[Bar] = []
    for name, (arms, role) in series.items():
        known = {one.name: one for one in arms}
        row = [known.get(category, Spread(category, None)) for category in names]
        bar: Bar = {"name": name, "values": [_short(one.mean) for one in row], "role": role}
        if any(one.low is not None and one.high is not None for one in row):
            bar["low"], bar["high"] = [_short(one.low) for one in row], [_short(one.high) for one in row]
        drawn.append(bar)
    if not any(v is not None for one in drawn for v in one["values"]):
        return []
    return [{**about, "kind": "bars", "x": axis(x), "y": y, "categories": names, "edges": [], "series": drawn}]


def score_axis(name: Any, *, change: bool = False) -> Axis:
    """The axis of a loss, an accuracy or another score."""
    word = str(name or "score")
    unit = {"loss": "loss", "accuracy": "share", "error": "1"}.get(word, "1")
    return axis(f"change of the {word}" if change else word, unit)


def level(name: str, value: Any, x: Sequence[float], role: Role = "reference") -> Curve | None:
    """A flat line to compare with."""
    height = number_of(value)
    if height is None or not x:
        return None
    ends = [min(x), max(x)]
    return {"name": name, "x": ends, "y": [height, height], "role": role, "style": "dash"}


def arms_apart(records: Any) -> dict[str, Record]:
    """Records of arms by name."""
    return {str(one.get("name")): one for one in listed(records) if isinstance(one, Mapping)}


def finite(values: Any) -> list[float]:
    """The numbers of a list."""
    found = np.asarray([v for v in map(number_of, listed(values)) if v is not None], dtype=np.float64)
    return [float(v) for v in found]
