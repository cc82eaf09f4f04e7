"""Arms of an experiment beside an unchanged training: what each ends at, and what a paired test says of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.lab import OutOfTime
from netvet.experiments.paired import Comparison, Verdict, compare
from netvet.experiments.trial import Result

# A difference matters from this share of what training takes off the loss: the same as between good learning rates.
MATTERS = 0.05

# Losses of each seed that are kept for a picture.
POINTS = 50

# Share of a trial that may be warm-up, for what follows it to show.
WARMING = 0.5

Measure = Callable[[Result], float]


@dataclass(frozen=True)
class Arm:
    """One change beside the unchanged training.

    Args:
        ends: the loss of each seed at the end; infinite where it diverged.
        verdict: of the change, where it can be said.
        curve: losses on the way, for a picture (see `curve_of`).
    """

    name: str
    ends: tuple[float, ...]
    verdict: Verdict
    pair: Comparison | None
    curve: Mapping[str, Any] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Of all seeds."""
        return sum(self.ends) / len(self.ends)

    @property
    def lost(self) -> bool:
        """It has diverged at a seed."""
        return not math.isfinite(self.mean)

    @property
    def told(self) -> str:
        """The mean, in words where there is none."""
        return "no number" if self.lost else f"{self.mean:.3g}"

    def record(self) -> dict[str, Any]:
        """JSON types."""
        pair = self.pair.record() if self.pair is not None else None
        return {
            "name": self.name, "losses": list(self.ends), "verdict": self.verdict, "comparison": pair,
            "curve": dict(self.curve),
        }  # fmt: skip


def curve_of(results: Sequence[Result]) -> dict[str, Any]:
    """Training losses of all seeds at some 50 steps: `steps` [n], `losses` [seeds][<= n]. JSON types.

    Each is the mean of the steps until the next place, so that the noise of single batches is out of the picture.
    """
    every = max(1, math.ceil(max((len(r.losses) for r in results), default=0) / POINTS))
    means = [[sum(part) / len(part) for part in _parts(r.losses, every)] for r in results]
    return {"steps": [every * i for i in range(max(map(len, means), default=0))], "losses": means}


def _parts(losses: Sequence[float], every: int) -> Iterator[Sequence[float]]:
    return (losses[i : i + every] for i in range(0, len(losses), every))


def warms_up(rates: Sequence[float], steps: int) -> bool:
    """Whether a schedule has its rate still rising through half of so many steps: what it is for comes later.

    Args:
        rates: of the program, as shares of their peak; warmed up is what has come to nine tenths of it.
    """
    risen = next((step for step, rate in enumerate(rates) if rate >= 0.9 * max(rates)), 0)
    return risen > WARMING * steps


def arms_of(
    results: Mapping[str, Sequence[Result]], measure: Measure = Result.tail, plain: str = "plain"
) -> dict[str, Arm]:
    """Judge each arm against the unchanged one; that one is among them, with no difference to itself.

    Raises:
        NetvetError: copies cannot be trained, or the time was not enough for whole trials.
    """
    for result in (r for some in results.values() for r in some):
        if result.ended == "failed":
            raise NetvetError(f"a copy of the model could not be trained: {result.error}")
        if result.ended == "time":
            raise OutOfTime("the trials did not end within the time (--budget gives more)")
    ends = {name: tuple(measure(r) for r in some) for name, some in results.items()}
    start = [r.start for r in results[plain]]
    finite = [e for some in ends.values() for e in some if math.isfinite(e)]
    depth = max(0.0, sum(start) / len(start) - min(finite, default=math.inf))
    return {
        name: replace(_arm(name, some, ends[plain], depth), curve=curve_of(results[name]))
        for name, some in ends.items()
    }


def _arm(name: str, ends: tuple[float, ...], plain: tuple[float, ...], depth: float) -> Arm:
    lost, plain_lost = (not all(map(math.isfinite, some)) for some in (ends, plain))
    if lost or plain_lost:
        verdict: Verdict = "undecided" if lost and plain_lost else "worse" if lost else "better"
        return Arm(name, ends, verdict, None)
    pair = compare(ends, plain)
    if pair is None:
        return Arm(name, ends, "undecided", None)
    return Arm(name, ends, pair.verdict(less_is_better=True, matters=MATTERS * depth), pair)
