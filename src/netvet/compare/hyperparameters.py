"""Which hyper-parameter goes with a bad end, over several runs: rank statistics with permutation tests."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
# Of four runs no order is rarer than 2 in 24, so that nothing could ever be told.
FEWEST = 5
LEVEL = 0.05
# Up to 8! = 40,320 orders are all tried; of more runs so many are drawn, always the same ones.
EXACT, DRAWN, SEED = 8, 20_000, 0
# Runs in each third of a setting of many values.
FEWEST_IN_THIRD = 3
# Settings that are tested, the most varied first: each makes the others harder to prove.
MAX_SETTINGS = 40


@dataclass(frozen=True, slots=True)
class Effect:
    """One hyper-parameter, and how it goes with the end of the runs.

    Args:
        name: of the setting. also: others that vary exactly along with it.
        p: of a permutation test, corrected for the number of settings (Holm).
        worse: in words, which of its values end worse.
        kind: `trend` over its order, or `groups` that differ.
    """

    name: str
    also: tuple[str, ...]
    p: float
    worse: str
    kind: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the settings of several runs tell: the effects, the surest first, or why nothing can be told."""

    effects: tuple[Effect, ...]
    reason: str = ""
    tested: int = 0


def effects(settings: Sequence[Mapping[str, Any]], ends: Sequence[float]) -> Answer:
    """Test every setting that differs between runs.

    Args:
        settings: of each run. ends: of each run, larger is worse; NaN and infinity are the worst of all.
    """
    count = len(ends)
    if count < FEWEST:
        return Answer((), f"too few runs to tell ({count}; it takes {FEWEST})")
    groups = _varied(settings)
    if not groups:
        return Answer((), "no setting differs between the runs, or none was logged")
    y = _ranks(np.array([e if math.isfinite(e) else math.inf for e in ends]))
    if np.ptp(y) == 0:
        return Answer((), "all runs ended alike")
    orders = _orders(y)
    tests = [(p, name, kind) for name in groups for kind, p in _tests(name, settings, y, orders)]
    best: dict[str, tuple[float, str]] = {}
    for p, name, kind in tests:
        if p < best.get(name, (2.0, ""))[0]:
            best[name] = (p, kind)
    ranked = sorted((p, name, kind) for name, (p, kind) in best.items())
    found, worst = [], 0.0
    for place, (p, name, kind) in enumerate(ranked):
        worst = max(worst, min(1.0, p * (len(tests) - place)))
        if worst <= LEVEL:
            found.append(Effect(name, groups[name], worst, _worse(name, kind, settings, y), kind))
    reason = "" if found else f"no setting goes clearly with the end ({len(groups)} tested over {count} runs, least p "
    reason += "" if found else f"{min(1.0, ranked[0][0] * len(tests)):.2g} for {ranked[0][1]})"
    return Answer(tuple(found), reason, len(groups))


def _varied(settings: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Settings with at least two values of which some come twice, or in an order; those that vary alike together."""
    names = list(dict.fromkeys(name for one in settings for name in one))
    by_pattern: dict[tuple[Any, ...], list[str]] = {}
    for name in names:
        values = [_plain(one.get(name)) for one in settings]
        distinct = list(dict.fromkeys(values))
        numeric = all(isinstance(v, float) for v in values)
        if len(distinct) < 2 or (not numeric and len(distinct) > len(values) / 2):
            continue
        order = sorted(set(values)) if numeric else distinct
        by_pattern.setdefault(tuple(order.index(v) for v in values), []).append(name)
    kept = sorted(by_pattern.values(), key=len, reverse=True)[:MAX_SETTINGS]
    return {same[0]: tuple(same[1:]) for same in kept}


def _plain(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, int | float) and math.isfinite(value):
        return float(value)
    return str(value)


def _tests(name: str, settings: Sequence[Mapping[str, Any]], y: Values, orders: Values) -> list[tuple[str, float]]:
    values = [_plain(one.get(name)) for one in settings]
    found = []
    if all(isinstance(v, float) for v in values):
        x = _ranks(np.array(values, dtype=np.float64))
        x = (x - x.mean()) / x.std()
        seen, drawn = abs(float(y @ x)), np.abs(orders @ x)
        found.append(("trend", _share(seen, drawn)))
        values = _thirds(values)  # the best may lie in the middle
    distinct = list(dict.fromkeys(values))
    if 2 <= len(distinct) <= len(values) / 2 and (len(distinct) > 2 or not found):
        member = np.array([[v == d for d in distinct] for v in values], dtype=np.float64)
        member /= np.sqrt(member.sum(axis=0))
        seen, drawn = float(((y @ member) ** 2).sum()), ((orders @ member) ** 2).sum(axis=1)
        found.append(("groups", _share(seen, drawn)))
    return found


def _thirds(values: list[Any]) -> list[Any]:
    """Of many different numbers which third each is in, named by its bounds; few stay as they are."""
    if len(set(values)) <= len(values) / 2 or len(values) < 3 * FEWEST_IN_THIRD:
        return values
    parts = np.array_split(np.sort(np.array(values, dtype=np.float64)), 3)
    names = {float(v): f"{part[0]:.3g} to {part[-1]:.3g}" for part in parts for v in part}
    return [names[v] for v in values]


def _share(seen: float, drawn: Values) -> float:
    """How often an order by chance is as extreme; of drawn orders the seen one counts too."""
    extreme = int((drawn >= seen * (1 - 1e-9) - 1e-12).sum())
    return extreme / len(drawn) if len(drawn) != DRAWN else (extreme + 1) / (DRAWN + 1)


def _orders(y: Values) -> Values:
    """Orders of the ends, one a row."""
    if len(y) <= EXACT:
        return np.array(list(permutations(y.tolist())))
    return np.random.default_rng(SEED).permuted(np.tile(y, (DRAWN, 1)), axis=1)


def _ranks(values: Values) -> Values:
    """Ranks from 1, equal values with the mean of theirs, about their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = (ends - (counts - 1) / 2)[inverse]
    return np.asarray(ranks - ranks.mean(), dtype=np.float64)


def _worse(name: str, kind: str, settings: Sequence[Mapping[str, Any]], y: Values) -> str:
    values = [_plain(one.get(name)) for one in settings]
    if kind == "trend":
        x = np.array(values, dtype=np.float64)
        larger = float(y @ _ranks(x)) > 0
        low, high = float(x.min()), float(x.max())
        return f"the {'larger' if larger else 'smaller'}, the worse (from {low:g} to {high:g})"
    numbers = values if all(isinstance(v, float) for v in values) else []
    values = _thirds(values) if numbers else values
    means = {v: float(np.mean([r for r, w in zip(y, values, strict=True) if w == v])) for v in dict.fromkeys(values)}
    worst = max(means, key=lambda v: means[v])
    best = min(means, key=lambda v: means[v])
    order = list(dict.fromkeys(v for _, v in sorted(zip(numbers, values, strict=True)))) if numbers else []
    if len(order) > 2 and best not in (order[0], order[-1]):
        return f"{_shown(best)} ends best, lower and higher values worse, {_shown(worst)} worst"
    return f"{_shown(worst)} ends worst, {_shown(best)} best"


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)[:60]
