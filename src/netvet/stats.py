"""The few statistics that checks share. All are pure and work on small arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Facts, LayerSeries, Location, Series, Unit, location_of

# A normal distribution's MAD times this is its std.
MAD_TO_STD = 1.4826


@dataclass(frozen=True, slots=True)
class Stretch:
    """A layer that stayed beyond a limit: since which step, until which, and its median value there."""

    layer: str
    since: int
    until: int
    value: float


def stretches(
    series: LayerSeries, *, above: float | None = None, below: float | None = None, patience: int
) -> Iterator[Stretch]:
    """The layers whose value is beyond a limit over the last `patience` steps, to the end of the run.

    Only the stretch that reaches the last recorded value counts: what healed itself is no finding.
    """
    for layer, one in series.items():
        if len(one) < 2:
            continue
        beyond = np.ones(len(one), dtype=bool)
        if above is not None:
            beyond &= one.values > above
        if below is not None:
            beyond &= one.values < below
        if not beyond[-1]:
            continue
        good = np.flatnonzero(~beyond)
        first = int(good[-1]) + 1 if len(good) else 0
        since, until = int(one.steps[first]), int(one.steps[-1])
        if until - since >= patience:
            yield Stretch(layer, since, until, float(np.median(one.values[first:])))


def smooth(values: npt.NDArray[np.float64], window: int) -> npt.NDArray[np.float64]:
    """Means of consecutive windows; a last shorter window is dropped. [n] -> [n // window]."""
    count = len(values) // max(window, 1)
    return values[: count * window].reshape(count, window).mean(axis=1) if count else values


def robust_spread(values: npt.NDArray[np.float64]) -> float:
    """Std estimated by the median absolute deviation."""
    if len(values) == 0:
        return 0.0
    return float(MAD_TO_STD * np.median(np.abs(values - np.median(values))))


def noise(values: npt.NDArray[np.float64]) -> float:
    """Std of the noise around a slow trend, from the differences of neighbours."""
    if len(values) < 3:
        return 0.0
    return float(robust_spread(np.diff(values)) / np.sqrt(2.0))


@dataclass(frozen=True, slots=True)
class Change:
    """Mean of the first and last parts of a series, and their difference in standard errors."""

    first: float
    last: float
    z: float

    @property
    def relative(self) -> float:
        """Fall (positive) or rise (negative) as a share of the first mean's size."""
        return (self.first - self.last) / max(abs(self.first), 1e-12)


def change(series: Series, *, share: float = 0.1) -> Change | None:
    """Compare the first and the last `share` of the finite values; None for fewer than 8 values."""
    values = series.finite().values
    if len(values) < 8:
        return None
    n = max(3, int(len(values) * share))
    first, last = values[:n], values[-n:]
    error = float(np.hypot(first.std(ddof=1), last.std(ddof=1)) / np.sqrt(n))
    difference = float(first.mean() - last.mean())
    return Change(
        float(first.mean()),
        float(last.mean()),
        difference / error if error > 0 else np.inf * np.sign(difference) if difference else 0.0,
    )


def slope(series: Series) -> tuple[float, float]:
    """Least-squares slope per step and its standard error (residuals taken as independent)."""
    x, y = series.steps.astype(float), series.values
    if len(x) < 3 or np.ptp(x) == 0:
        return 0.0, np.inf
    x = x - x.mean()
    b = float((x * (y - y.mean())).sum() / (x * x).sum())
    residual = y - y.mean() - b * x
    return b, float(np.sqrt((residual**2).sum() / max(len(x) - 2, 1) / (x * x).sum()))


def number(record: Mapping[str, Any], field: str) -> float | None:
    """A finite number in a field of a record; None where it is missing, not finite, or no number."""
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if np.isfinite(value) else None


@dataclass(frozen=True, slots=True)
class Course:
    """How a loss went: first value, lowest and last window mean, std of one value and of a window mean."""

    start: float
    best: float
    end: float
    best_step: int
    noise: float
    error: float
    span: int
    unit: Unit = "step"

    @property
    def gain(self) -> float:
        """Fall from the first value to the lowest window, as a share of the first value's size."""
        return (self.start - self.best) / max(abs(self.start), 1e-12)


def course(series: Series, *, windows: int = 10) -> Course | None:
    """Summarise a loss; None for fewer than 8 finite values. The first value is that before any update."""
    kept = series.finite()
    count = len(kept)
    if count < 8:
        return None
    window = max(3, count // windows)
    levels = smooth(kept.values[count % window :], window)
    spread = noise(kept.values)
    best = int(levels.argmin())
    step = int(kept.steps[count % window + best * window])
    first, last = int(kept.steps[0]), int(kept.steps[-1])
    start, error = float(kept.values[0]), spread / float(np.sqrt(window))
    return Course(start, float(levels[best]), float(levels[-1]), step, spread, error, last - first, kept.unit)


def sole_loss(losses: Iterable[Mapping[str, Any]] | None) -> Mapping[str, Any]:
    """The one training loss call that feeds backward; empty where there are none or several."""
    kept = [r for r in losses or () if r.get("phase") == "train" and r.get("feeds_backward") is not False]
    return kept[0] if len(kept) == 1 else {}


def is_minor(site: str, losses: Iterable[Mapping[str, Any]] | None) -> bool:
    """The loss of this call site is less than half of what the training minimises."""
    shares = [number(r, "share") for r in losses or () if r.get("phase") == "train" and r.get("site") == site]
    return max((abs(s) for s in shares if s is not None), default=1.0) < 0.5


_GUESSING = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
# So many targets give the shares of a few classes.
MANY_TARGETS = 200


def constant_loss(
    loss: Mapping[str, Any],
    targets: Iterable[Mapping[str, Any]] | None,
    initial: Iterable[Mapping[str, Any]] | None,
) -> float | None:
    """Loss of the best constant prediction at one training loss call; None where it cannot be told."""
    site, function = loss.get("site"), loss.get("function")
    if site is None or loss.get("reduction") not in (None, "mean"):
        return None
    target = next((t for t in targets or () if t.get("site") == site and t.get("phase") != "eval"), {})
    classes, entropy, std = number(loss, "classes"), number(target, "entropy"), number(target, "std")
    plain = not any(loss.get(name) for name in ("weight", "pos_weight", "label_smoothing"))
    if entropy is not None and plain and function in _GUESSING and (number(target, "samples") or 0) >= MANY_TARGETS:
        return entropy  # the targets of the run say more than the first batch
    std = std if function == "mse_loss" else None
    for record in initial or ():
        known = number(record, "best_constant")
        if record.get("site") == site and known is not None:
            # One batch may spread more than the targets do; those of several outputs lie about several means.
            many = std is not None and (number(target, "samples") or 0) >= MANY_TARGETS
            return min(known, std * std) if many and std is not None else known
    if function in ("cross_entropy", "nll_loss"):
        even = float(np.log(classes)) if classes and classes > 1 else None
        return even if entropy is None or loss.get("weight") else entropy
    return std * std if std is not None else None


# Of the variance, that a simple learner explains where it is to be an example.
MIN_R2 = 0.1


def behind(
    baselines: Iterable[Mapping[str, Any]] | None, *, gap: float = 0.05, sigmas: float = 3.0, fewest: int = 50
) -> tuple[float, float, str] | None:
    """The net's score at the end, that of the best simple learner on the same samples, and its name.

    Args:
        gap: by which the net must be behind, for accuracies at least so many standard errors of the two (`sigmas`).
        fewest: samples that were scored.

    Returns:
        None where the net is not clearly behind, or it cannot be told.
    """
    for record in baselines or ():
        own, count, kind = number(record, "model"), number(record, "samples") or 0, record.get("score")
        names = {"linear": "a linear model", "nearest": "the nearest neighbour"}
        known = [(v, names[name]) for name in names if (v := number(record, name)) is not None]
        if own is None or not known or count < fewest or kind not in ("accuracy", "r2"):
            continue
        best, name = max(known)
        error = float(np.sqrt(sum(max(p * (1 - p), 0.0) for p in (own, best)) / count)) if kind == "accuracy" else gap
        if kind == "r2" and best < MIN_R2:
            continue  # targets that simple learners cannot predict, or with a tail that decides the score
        # The training score is an average over steps, and of other samples.
        needed = max(gap, sigmas * error) * (2 if record.get("split") != "val" else 1)
        return (own, best, name) if best - own > needed else None
    return None


def matrix_ratio(update_ratio: Mapping[str, Series], *, early: int | None = None) -> float | None:
    """Typical update-to-weight ratio of the weights (biases and norms left out): median over layers.

    Args:
        early: take each layer's largest value over its first so many values; else its median over the run.
    """
    found = []
    for name, one in update_ratio.items():
        values = one.finite().values
        if len(values) and not name.endswith(("bias", ".beta", ".gamma")):
            found.append(float(values[:early].max() if early else np.median(values)))
    return float(np.median(found)) if found else None


def is_blind(input_ablation: Iterable[Mapping[str, Any]] | None, *, gain: float = 0.01) -> bool:
    """The trained net does no better with the real inputs than with shuffled ones."""
    pairs = [(number(r, "real"), number(r, "shuffled")) for r in input_ablation or ()]
    return any(a is not None and b is not None and b - a <= gain * abs(a) for a, b in pairs)


def norm_left(param_norm: Mapping[str, Series] | None) -> float:
    """What is left of the norm of the weights (biases left out) at the end: median over layers; 1 if not known."""
    kept = [s.finite().values for n, s in (param_norm or {}).items() if not n.endswith("bias")]
    shares = [float(v[-1] / v[0]) for v in kept if len(v) > 1 and v[0] > 0]
    return float(np.median(shares)) if shares else 1.0


def used_rate(lr: Mapping[str, Series] | None, optimizers: Facts | None) -> tuple[float | None, Location | None]:
    """The highest learning rate of a run, and where the first optimizer that stepped was made."""
    rate = max((float(s.values.max()) for s in (lr or {}).values() if len(s)), default=None)
    return rate, next((location_of(o) for o in optimizers or () if number(o, "steps")), None)


def learns(loss: Mapping[str, Series] | None, *, gain: float = 0.1) -> bool:
    """Whether any of the losses fell clearly, by this share of its first value, and stayed below it."""
    for one in (loss or {}).values():
        seen = course(one)
        if seen is not None and seen.start - seen.end > max(gain * abs(seen.start), 3 * seen.error):
            return True
    return False


def late(series: Series, *, share: float = 0.2, patience: int = 50) -> float | None:
    """Median of the last part of a series; None for a run shorter than `patience` steps or under 3 values."""
    kept = series.finite()
    if len(kept) < 3 or kept.steps[-1] - kept.steps[0] < patience:
        return None
    return float(np.median(kept.values[-max(3, int(len(kept) * share)) :]))


def listed(names: Iterable[str]) -> str:
    """The first three names and how many more there are."""
    every = list(names)
    return ", ".join(every[:3]) + (f" and {len(every) - 3} more" if len(every) > 3 else "")


def autograd_nodes(graph: Iterable[Mapping[str, Any]]) -> Iterator[dict[int, Mapping[str, Any]]]:
    """The records of the signal `graph` by id, one mapping for each backward call site."""
    sites: dict[Any, dict[int, Mapping[str, Any]]] = {}
    for record in graph:
        if record.get("id") is not None:
            sites.setdefault(record.get("backward"), {})[record["id"]] = record
    yield from sites.values()


def consumers(nodes: Mapping[int, Mapping[str, Any]]) -> dict[int, list[Mapping[str, Any]]]:
    """The nodes of an autograd graph that take the output of each node."""
    users: dict[int, list[Mapping[str, Any]]] = {}
    for node in nodes.values():
        for following in node.get("next") or ():
            users.setdefault(following, []).append(node)
    return users


def unturned(node: Mapping[str, Any], nodes: Mapping[int, Mapping[str, Any]]) -> Mapping[str, Any]:
    """What a node is a view (transpose, reshape, expansion, cast) of."""
    views = ("T", "Transpose", "Permute", "View", "UnsafeView", "ToCopy", "Expand")
    while node.get("op") in views and len(node.get("next") or ()) == 1 and node["next"][0] in nodes:
        node = nodes[node["next"][0]]
    return node


def restless(
    loss: Series, update_ratio: Mapping[str, Series] | None = None, flips: Mapping[str, Series] | None = None
) -> bool:
    """The run itself shows long steps: the loss jumps, swings or is stuck, weights or answers turn over."""
    values = loss.finite().values
    if len(values) < 8:
        return False
    quarter = max(3, len(values) // 4)
    middle, end = values[quarter : 2 * quarter], values[-quarter:]
    swings = float(end.std()) > 0.5 * float(end.mean()) or float(values.max()) > 1.5 * float(values[0])
    stuck = float(np.median(end)) > 0.6 * float(np.median(middle))
    turned = any((late(f) or 0.0) > 0.1 for f in (flips or {}).values())
    return swings or stuck or turned or (matrix_ratio(update_ratio or {}) or 0.0) > 0.05


@dataclass(frozen=True, slots=True)
class Trial:
    """A record of `lr_trial` that can be believed: what smaller rates, or a warm-up, would have done.

    Args:
        own: result of the run itself; `end` that of its last part.
        slower: the best result at a smaller rate, at this `multiple`; `warm` that with warm-up.
        spread: standard error of the difference between two results.
        start: the first loss; `peak` the highest that the run came to.
    """

    own: float
    end: float
    slower: float
    multiple: float
    warm: float
    spread: float
    start: float
    peak: float

    def far_better(self, result: float) -> bool:
        """Half the loss after the same steps, and less than the run reached to its very end, beyond the noise.

        Less is asked of a result where the loss of the run was thrown to ten times its start: noise in the targets
        sets a floor that both may be near.
        """
        gain, times = self.own - result, 1.3 if self.peak > 10 * self.start else 2.0
        return times * result < self.own and 1.3 * result < self.end and gain > max(3 * self.spread, 0.02 * self.start)


def lr_trials(records: Iterable[Mapping[str, Any]] | None) -> Iterator[Trial]:
    """The trials whose copy at the script's own rate did as the run itself did."""
    for record in records or ():
        pairs = dict(zip(record.get("multiples") or (), record.get("losses") or (), strict=False))
        own, end, start = (number(record, name) for name in ("own", "end", "start"))
        same, spread = pairs.pop(1, None), number(record, "spread") or 0.0
        if own is None or start is None or same is None or start <= 0:
            continue
        if abs(same - own) > 0.25 * max(same, own) + 3 * spread:
            continue
        lower = sorted((float(v), float(m)) for m, v in pairs.items() if v is not None and m < 1)
        if lower:
            warm, end = (np.inf if v is None else v for v in (number(record, "warmup"), end))
            yield Trial(min(own, same), end, *lower[0], warm, spread, start, number(record, "peak") or start)


def reaches_op(
    node: Mapping[str, Any], users: Mapping[int, list[Mapping[str, Any]]], words: Iterable[str], through: Iterable[str]
) -> bool:
    """Whether the output of a node enters an operation with one of the words in its name, through these only."""
    queue, seen, wanted, open_to = [node], {node["id"]}, tuple(words), frozenset(through)
    while queue:
        for user in users.get(queue.pop()["id"], ()):
            op = str(user.get("op"))
            if any(word in op for word in wanted):
                return True
            if user["id"] not in seen and op in open_to:
                seen.add(user["id"])
                queue.append(user)
    return False


def wide_init(parameters: Facts | None) -> Location | None:
    """The line that gave weights the widest start by hand, where that blows activations up."""
    wide = [
        (std * math.sqrt(math.prod(p["shape"][1:])), location_of(p, "init"))
        for p in parameters or ()
        if len(p.get("shape") or ()) > 1 and p.get("init_line") and (std := number(p, "init_std"))
    ]
    gain, place = max(wide, key=lambda w: w[0], default=(0.0, None))
    return place if gain > 4 else None  # default starts have a gain of about one
