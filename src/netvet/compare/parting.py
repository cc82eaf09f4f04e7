"""The first step and the first layer at which the signals of two runs part: to the last bit, and beyond the noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from netvet.compare.noise import FIRST_STEPS, Beyond, Numbers, Steps, critical, first_beyond, places
from netvet.compare.pairing import Pairing
from netvet.core import LayerSeries, Record, Series

# Rank of a reverse order: gradients come to the last layer first.
_FORWARD, _BACKWARD = 1, -1


class Watched(NamedTuple):
    """How a signal is compared.

    Args:
        phase: place within a step: weights, forward, loss, backward, the optimizer's own.
        words: what it is of a layer.
        early: standard deviation between runs of different seeds in the first steps, of the logarithm or the value.
        late: the same later on, when the runs have gone their own ways.
        logarithmic: ratios are compared.
        direction: whether layers come in the order of the forward pass or the other way round.
    """

    phase: int
    words: str
    early: float
    late: float
    logarithmic: bool = True
    direction: int = _FORWARD


# Standard deviations: what 21 healthy programs of this repository need at three seeds each for no place to lie beyond
# 4.5 sigmas, with the noise of their steps taken off (docs/compare.md), and a third more.
WATCHED: Mapping[str, Watched] = {
    "param_norm": Watched(0, "norm", 0.05, 0.13),
    "param_std": Watched(0, "std", 0.05, 0.13),
    "activation_std": Watched(1, "std of the output", 0.14, 0.14),
    "dead_unit_share": Watched(1, "share of dead units", 0.04, 0.04, logarithmic=False),
    "saturated_unit_share": Watched(1, "share of saturated units", 0.04, 0.04, logarithmic=False),
    "attention_entropy": Watched(1, "entropy of the attention", 0.02, 0.02, logarithmic=False),
    "loss": Watched(2, "training loss", 0.25, 0.25),
    "param_grad_norm": Watched(3, "norm of the gradient", 0.15, 0.45, direction=_BACKWARD),
    "grad_norm": Watched(4, "norm of all gradients", 0.15, 0.3),
    "lr": Watched(5, "learning rate", 1.0, 1.0),
    "update_ratio": Watched(6, "update ratio", 0.10, 0.25),
    "val_loss": Watched(7, "validation loss", 0.25, 0.25),
}

# The same of parameters with one axis: biases begin as zeros or few random numbers, and go their own ways.
VECTORS = {"param_norm": (0.4, 0.7), "param_std": (0.4, 0.5)}
# Signals of single layers; the others are of the whole run, and their keys are lines of the script.
LAYERED = frozenset(n for n in WATCHED if n not in ("loss", "grad_norm", "lr", "val_loss"))
# Models that begin to train later (folds of a cross validation) are met at another age in each run.
LATECOMER = 3.0
# Relative difference of float32 results that another order of the same sums explains.
ROUNDING = 1e-5


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a signal of the bad run first leaves the good run.

    Args:
        step: step of the bad run.
        signal: its name.
        words: in words.
        layer: name in the bad run, None for signals of the whole run.
        good: value of the good run (its usual one where the noise was considered).
        bad: value of the bad run.
        sigmas: distance in standard deviations of the noise; None where bits were compared.
    """

    step: int
    signal: str
    words: str
    layer: str | None
    good: float
    bad: float
    sigmas: float | None = None


@dataclass(frozen=True, slots=True)
class Bitwise:
    """How far two runs are equal to the last bit.

    Args:
        values: how many values at common steps were compared.
        until: last step at which everything is equal, None if the runs differ from the beginning.
        layers_until: the same of the signals of single layers, which were recorded at fewer steps.
        first: the first difference; None if there is none.
        layer: the first one in a signal of a single layer.
        material: the first one that is no rounding.
    """

    values: int
    until: int | None
    layers_until: int | None
    first: Parting | None
    layer: Parting | None
    material: Parting | None


@dataclass(frozen=True, slots=True)
class _Pair:
    """One series of each run."""

    signal: str
    goods: tuple[Series, ...]
    bad: Series
    layer: str | None
    rank: tuple[int, int]


Signals = Mapping[str, LayerSeries]


class Order:
    """Layers and parameters in the order in which a forward pass reaches them."""

    def __init__(self, modules: Sequence[Record], parameters: Sequence[Record]) -> None:
        found = {}
        for index, record in enumerate(modules):
            order = record.get("order")
            found[str(record.get("name"))] = order if isinstance(order, int) else len(modules) + index
        for record in parameters:
            found.setdefault(str(record.get("name")), found.get(str(record.get("layer")), 2 * len(modules)))
        self._found = found

    def rank(self, signal: str, layer: str | None) -> tuple[int, int]:
        """Place within a step: earlier ones are causes of later ones."""
        watched = WATCHED[signal]
        position = -1 if layer is None else self._found.get(layer, len(self._found))
        return watched.phase, watched.direction * position


def paired(goods: Sequence[Signals], bad: Signals, pairings: Sequence[Mapping[str, str]], order: Order) -> list[_Pair]:
    """The series that stand for the same in all runs.

    Args:
        goods: signals of the good runs.
        bad: of the bad one.
        pairings: for each good run, its layers and parameters -> those of the bad run.
        order: of the bad run.
    """
    found = []
    for signal in WATCHED:
        if signal not in bad or any(signal not in good for good in goods):
            continue
        sides = [_keyed(signal, good[signal], pairing) for good, pairing in zip(goods, pairings, strict=True)]
        for key, series in _keyed(signal, bad[signal], None).items():
            if all(key in side for side in sides) and len(series):
                layer = key if signal in LAYERED else None
                mine = tuple(side[key] for side in sides)
                found.append(_Pair(signal, mine, series, layer, order.rank(signal, layer)))
    return found


def _keyed(signal: str, layers: LayerSeries, pairing: Mapping[str, str] | None) -> dict[str, Series]:
    """Series by the bad run's name of the layer; those of the whole run by their number."""
    if signal not in LAYERED:
        return {str(index): series for index, series in enumerate(layers.values())}
    if pairing is None:
        return dict(layers)
    return {pairing[key]: series for key, series in layers.items() if key in pairing}


def bitwise(pairs: Sequence[_Pair]) -> Bitwise | None:
    """Compare to the last bit at common steps; None where the runs do not even begin alike (another seed)."""
    common = [(pair, *_common(pair)) for pair in pairs]
    begins = [one for one in common if len(one[1]) and one[1][0] == 0]
    # Equal constants (biases of zero, ones of a norm, the rate) show nothing: something random has to be equal.
    alike = [_rounded(g[0], b[0]) for p, _, g, b in begins if p.signal == "param_norm" and _random(p)]
    alike = alike or [_rounded(g[0], b[0]) for p, _, g, b in begins if p.signal == "loss"]
    if sum(alike) * 2 <= len(alike):
        return None
    differing: list[_Found] = []
    material: list[_Found] = []
    for pair, steps, good, bad in common:
        same = (good == bad) | (np.isnan(good) & np.isnan(bad))
        differing += _first(pair, steps, good, bad, same)
        material += _first(pair, steps, good, bad, same | _rounded(good, bad))
    differing.sort(key=lambda found: found[0])
    material.sort(key=lambda found: found[0])
    firsts = [one for _, one in differing]
    end = firsts[0].step if firsts else math.inf
    return Bitwise(
        values=sum(len(steps) for _, steps, _, _ in common),
        until=_last(end, (steps for _, steps, _, _ in common)),
        layers_until=_last(end, (steps for pair, steps, _, _ in common if pair.layer is not None)),
        first=firsts[0] if firsts else None,
        layer=next((one for one in firsts if one.layer is not None), None),
        material=material[0][1] if material else None,
    )


_Found = tuple[tuple[int, tuple[int, int]], Parting]


def _first(pair: _Pair, steps: Steps, good: Numbers, bad: Numbers, same: Any) -> list[_Found]:
    if same.all():
        return []
    i = int(np.argmin(same))
    step = int(steps[i])
    return [((step, pair.rank), _parting(pair, step, float(good[i]), float(bad[i])))]


def _rounded(good: Any, bad: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.abs(good - bad) <= ROUNDING * np.maximum(np.abs(good), np.abs(bad))


def _last(end: float, all_steps: Iterable[Steps]) -> int | None:
    before = [int(steps[steps < end][-1]) for steps in all_steps if len(steps) and steps[0] < end]
    return max(before, default=None)


def _random(pair: _Pair) -> bool:
    # Norms of constants are roots of whole numbers or zero.
    square = float(pair.bad.values[0]) ** 2
    return abs(square - round(square)) > 1e-4 * max(square, 1.0)


def _common(pair: _Pair) -> tuple[Steps, Numbers, Numbers]:
    good = pair.goods[0]
    steps, a, b = np.intersect1d(good.steps, pair.bad.steps, assume_unique=True, return_indices=True)
    return steps, good.values[a], pair.bad.values[b]


def _parting(pair: _Pair, step: int, good: float, bad: float, sigmas: float | None = None) -> Parting:
    return Parting(step, pair.signal, WATCHED[pair.signal].words, pair.layer, good, bad, sigmas)


def beyond_noise(
    pairs: Sequence[_Pair], shapes: Mapping[str, Sequence[int]], *, plateau: bool = False
) -> list[Parting]:
    """Every series that leaves the good runs beyond the noise of seeds, earliest first, then in the order of a step.

    Args:
        pairs: the series.
        shapes: of the parameters.
        plateau: a schedule follows the loss.
    """
    limit = critical(sum(len(places(pair.bad.steps)) for pair in pairs))
    found = []
    for pair in pairs:
        if pair.signal == "lr" and not plateau:  # a rate has no noise
            steps, good, bad = _common(pair)
            exact = _first(pair, steps, good, bad, _rounded(good, bad))
            found += [(rank, pair, Beyond(one.step, one.good, one.bad, math.inf)) for rank, one in exact]
            continue
        prior = _prior(pair, shapes)
        logarithmic = WATCHED[pair.signal].logarithmic
        where = first_beyond(pair.goods, pair.bad, prior=prior, limit=limit, logarithmic=logarithmic)
        if where is not None:
            found.append(((where.step, pair.rank), pair, where))
    found.sort(key=lambda one: one[0])
    return [_parting(pair, w.step, w.good, w.bad, w.sigmas) for _, pair, w in found]


def _prior(pair: _Pair, shapes: Mapping[str, Sequence[int]]) -> tuple[float, float]:
    watched, shape = WATCHED[pair.signal], shapes.get(pair.layer or "")
    early, late = watched.early, watched.late
    if max(int(series.steps[0]) for series in (*pair.goods, pair.bad) if len(series)) > FIRST_STEPS:
        late *= LATECOMER
    if shape is None:
        return early, late
    if len(shape) < 2:
        early, late = VECTORS.get(pair.signal, (early, late))
    # Of few elements, even the scale is random: the std of n numbers has a relative error of 1 / sqrt(2n).
    few = 1 / math.sqrt(2 * max(math.prod(shape), 1))
    return math.hypot(early, few), math.hypot(late, few)


def pairing_of(modules: Pairing, parameters: Pairing) -> dict[str, str]:
    """Layers and parameters of the good run -> those of the bad one."""
    return {**modules.pairs, **parameters.pairs}


def ratio(parting: Parting) -> float | None:
    """How many times the bad value is the good one, where that says something."""
    if parting.good > 0 and parting.bad > 0 and math.isfinite(parting.bad) and WATCHED[parting.signal].logarithmic:
        return parting.bad / parting.good
    return None


def partings_of_layers(found: Sequence[Parting]) -> Iterator[Parting]:
    """The first parting of each layer."""
    seen: set[str | None] = set()
    for one in found:
        if one.layer not in seen:
            seen.add(one.layer)
            yield one
