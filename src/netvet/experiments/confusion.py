"""Who is taken for whom: pairs of classes that are made out of each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from netvet.experiments import paired
from netvet.experiments.measures import wilson
from netvet.experiments.trial import Result

# Of each of two classes at least this share is taken for the other one, and half of its mistakes are that one.
SWAPPED, MOST_OF_ERRORS = 0.15, 0.5
# By so much more a net that was trained with augmentation confuses the two on clean samples.
MORE_CONFUSED = 0.05

# [true class, predicted class]
Counts = npt.NDArray[np.int64]
Pair = tuple[int, int]


def counts_of(result: Result, which: str) -> Counts:
    """Of a trial with the change `confused`; `which`: `held_out` or `train`. [true class, predicted class]."""
    return np.array(result.extra["confused"][which], dtype=np.int64)


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


def swapped(asked: Sequence[Counts], clean: Sequence[Counts], augmented: Sequence[Counts]) -> list[Pair]:
    """Pairs of classes that augmentation makes out of each other, the surest first.

    Args:
        asked: of each seed, counts [true class, predicted class] of a net trained on clean samples on augmented ones;
            `clean`: the same net on other clean ones; `augmented`: of the net trained with augmentation on these.
    """
    classes = min(len(c) for c in (*asked, *clean, *augmented))
    found = []
    for a in range(classes):
        for b in range(a + 1, classes):
            if not all(_is_taken(asked, x, y) for x, y in ((a, b), (b, a))):
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
        f"{_share(asked, b, a):.0%} of class {b} for {a} on augmented samples, and one trained with augmentation takes "
        f"{mixed:.0%} of clean ones for the other"
    )
