"""Labels that belong to the sample before or behind: a row lost on one side, a header read as a sample, an index off.

Only a shift by one brings the relation back, and the samples themselves do not go with their neighbours: so a series,
in which a sample holds what came before, or data that are sorted, are not taken for a mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.faults.alone import Sampled, skill
from netvet.data.faults.cheap import encoded, folds_of, prepared
from netvet.data.index import Split

Numbers = npt.NDArray[np.int64]
Score = Callable[[npt.NDArray[Any], npt.NDArray[Any], Numbers], float]

# Skill with the labels of the neighbours that is no chance, whatever the spread of shuffled pairings.
CLEAR, SPREADS = 0.15, 6.0
# By one, and others that must stay at chance.
SHIFTS = (-1, 1, 2, -2, 3, -3)
# Standard errors by which neighbours may be nearer to each other than chance has it, before they belong together.
NEARER = 4.0
# Skill of a single column that is the neighbour's target itself, as yesterday's value is in a series.
COPY = 0.9
FEWEST = 200


def shifted(split: Split, score: Score, chance: float, spread: float, most: int) -> tuple[int, float] | None:
    """How many samples off the labels are (1: each belongs to the next sample), and the score when put right.

    Args:
        split: where samples and targets have nothing to do with each other as they are paired.
        score: skill or r2 of cheap models, by inputs [n, d], targets [n] and the numbers of the samples [n].
        chance: the score of shuffled pairings; `spread`: its standard deviation; `most`: samples that are looked at.
    """
    if _together(split, *_pairs(split, 1, most)):
        return None
    limit, right = max(CLEAR, chance + SPREADS * spread), dict[int, float]()
    for shift in SHIFTS:
        rows, behind = _pairs(split, shift, most)
        if len(rows) < FEWEST:
            return None
        found = score(_inputs(split, rows, rows), _targets(split)[behind], rows)
        right |= {shift: found} if found >= limit else {}
        if shift != SHIFTS[0] and len(right) != 1:
            return None  # no neighbour helps, or several do: they go together anyway
    by = next(iter(right))
    return None if abs(by) > 1 or _is_copy(split, *_pairs(split, by, most)) else (-by, right[by])


def _targets(split: Split) -> npt.NDArray[Any]:
    return split.labels if split.labels is not None else np.asarray(split.numbers)


def _pairs(split: Split, shift: int, most: int) -> tuple[Numbers, Numbers]:
    """Rows of some samples, and of those so many behind them, which have targets.

    Of a random part of a data set, its keys are the numbers in the whole.
    """
    keys, aimed = split.rows.keys, _targets(split)
    whole = keys is not None and all(key.isdecimal() for key in keys)
    places = np.array([int(k) for k in keys or ()]) if whole else np.arange(len(split))
    order = np.argsort(places, kind="stable")
    at = np.minimum(np.searchsorted(places[order], places + shift), len(split) - 1)
    behind = order[at]
    known = (aimed >= 0) if split.labels is not None else np.isfinite(aimed)
    able = np.flatnonzero((places[behind] == places + shift) & known[behind])
    rows = np.sort(np.random.default_rng(0).choice(able, min(len(able), most), replace=False))
    return rows, behind[rows]


def _inputs(split: Split, rows: Numbers, like: Numbers) -> npt.NDArray[Any]:
    features = encoded(split.rows, split.rows)
    return prepared(features[rows], features[like])


def _together(split: Split, rows: Numbers, behind: Numbers) -> bool:
    """Samples are nearer to the next one than to any: a series, or sorted."""
    if len(rows) < FEWEST:
        return False
    inputs, following = _inputs(split, rows, rows), _inputs(split, behind, rows)
    random = np.random.default_rng(0)
    usual = [_distance(inputs, following[random.permutation(len(following))]) for _ in range(20)]
    return _distance(inputs, following) < float(np.mean(usual)) - NEARER * float(np.std(usual, ddof=1))


def _distance(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> float:
    return float(np.mean(np.square(ours - theirs), dtype=np.float64))


def _is_copy(split: Split, rows: Numbers, behind: Numbers) -> bool:
    """A column of the samples is the target of their neighbour."""
    classes, aimed = split.labels is not None, _targets(split)[behind]
    of = Sampled(rows, aimed, folds_of(split.rows.prints[rows], aimed if classes else np.zeros(len(rows)), 3), classes)
    columns = split.rows.features[rows].astype(np.float64)
    return any(skill(columns[:, c], of) >= COPY for c in range(columns.shape[1]))
