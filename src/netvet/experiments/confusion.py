"""Who is taken for whom: pairs of classes that are made out of each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from netvet.experiments import paired
from netvet.experiments.measures import wilson
from netvet.experiments.trial import Result

# Of each of two classes at least this share is taken for the other one, and half of its mistakes are that one.
SWAPPED, MOST_OF_ERRORS = 0.15, 0.5
# By so much more a net that was trained with augmentation believes in the other one on clean samples. By its answers
# alone it can be right: of half-and-half labels, a few more are right by chance.
MORE_CONFUSED = 0.1

# What was made into a sample of another class lies among the samples of that class: no farther from the nearest of them
# than this multiple of what is usual there. Samples that nothing is left of are taken for others too, from far away.
AMONG = 1.5

# [true class, predicted class]
Counts = npt.NDArray[np.float64]
Pair = tuple[int, int]


def counts_of(result: Result, which: str) -> Counts:
    """Of a trial with the change `confused`; `which`: `held_out`, `train` or `believed`. [true class, class]."""
    return np.array(result.extra["confused"][which], dtype=np.float64)


def accuracy(counts: Counts, pairs: Sequence[Pair]) -> float:
    """Share of right answers; to take one of a swapped pair for the other is no mistake of the net."""
    right = int(np.trace(counts)) + sum(int(counts[a, b] + counts[b, a]) for a, b in pairs if b < len(counts))
    return right / max(1, int(counts.sum()))


def _share(all_counts: Sequence[Counts], a: int, b: int) -> float:
    """Of class `a`, what is taken for `b`, in the mean of the seeds."""
    return float(np.mean([c[a, b] / max(1, c[a].sum()) if max(a, b) < len(c) else 0.0 for c in all_counts]))


def _mixed(counts: Counts, a: int, b: int) -> float:
    """Of both classes, what is taken for the other."""
    if max(a, b) >= len(counts):
        return 0.0
    return float((counts[a, b] + counts[b, a]) / max(1, counts[a].sum() + counts[b].sum()))


def distances_of(results: Sequence[Result]) -> dict[Pair, float]:
    """Of trials with the change `confused`: for true and predicted class, the median over the seeds."""
    found: dict[Pair, list[float]] = {}
    for result in results:
        for name, value in result.extra["confused"]["far"].items():
            a, b = name.split()
            found.setdefault((int(a), int(b)), []).append(value)
    return {pair: float(np.median(values)) for pair, values in found.items()}


def swapped(
    asked: Sequence[Counts], clean: Sequence[Counts], augmented: Sequence[Counts], far: Mapping[Pair, float]
) -> list[Pair]:
    """Pairs of classes that augmentation makes out of each other, the surest first.

    Args:
        asked: of each seed, counts [true class, predicted class] of a net trained on clean samples on augmented ones.
        clean: probabilities [true class, class] of the same net on other clean samples; `augmented`: of the net trained
            with augmentation on these.
        far: how far samples of the first class that are taken for the second lie from those (see `confused`).
    """
    classes = min(len(c) for c in (*asked, *clean, *augmented))
    found = []
    for a in range(classes):
        for b in range(a + 1, classes):
            ways = ((a, b), (b, a))
            if not all(_is_taken(asked, x, y) and far.get((x, y), math.inf) <= AMONG for x, y in ways):
                continue
            more = paired.compare([_mixed(c, a, b) for c in augmented], [_mixed(c, a, b) for c in clean])
            if more is not None and more.low > 0 and more.effect > MORE_CONFUSED:
                found.append((more.effect, (a, b)))
    return [pair for _, pair in sorted(found, reverse=True)]


def _is_taken(asked: Sequence[Counts], a: int, b: int) -> bool:
    count = int(asked[0][a].sum())
    if not count:
        return False
    share, errors = _share(asked, a, b), 1 - _share(asked, a, a)
    return wilson(share, count)[0] > SWAPPED and share > MOST_OF_ERRORS * errors


def in_words(pair: Pair, asked: Sequence[Counts], augmented: Sequence[Counts]) -> str:
    """How often two classes are taken for each other."""
    a, b = pair
    mixed = float(np.mean([_mixed(c, a, b) for c in augmented]))
    return (
        f"a net trained on clean samples takes {_share(asked, a, b):.0%} of class {a} for {b} and "
        f"{_share(asked, b, a):.0%} of class {b} for {a} on augmented samples, and one trained with augmentation gives "
        f"the other one a probability of {mixed:.0%} on clean samples"
    )
