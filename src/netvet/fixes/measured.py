"""What one run of a program came to, in numbers that can be compared with those of its twin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from netvet.fixes.scoring import Scores, Series

# In the order of preference; of these a higher value is better, but for the loss.
METRICS = ("accuracy", "r2", "balanced accuracy", "loss")
MAX_POINTS = 200
# Of the training loss at the end of a run: the mean over this share of the steps, over so many at least.
TAIL_SHARE, MIN_TAIL = 0.1, 10
# Figures that the program prints of itself: larger, or smaller, is better.
SCORE, ERROR = "printed score", "printed error"
# Loss of a program in which no loss function was seen: what it calls backward on.
OWN_LOSS = "own"


@dataclass(frozen=True)
class Score:
    """One metric of a run.

    Args:
        value: at the end (of the last evaluation pass); `best`: of all passes.
        curve: [step, value] of each pass.
    """

    value: float
    best: float
    curve: list[list[float]] = field(default_factory=list)


@dataclass(frozen=True)
class Measured:
    """One run of a program.

    Args:
        metric: `accuracy` (share of samples), `r2` (1 - squared error over the variance of the targets) or `loss`, the
            first of them that could be counted, or a figure that the program prints; None where nothing could.
        split: `val`, or `train` where the program evaluates no held-out samples.
        value: at the end; for `val` that of the last evaluation pass; `best`: of all passes.
        curve: [step, value] of each evaluation pass.
        scores: all metrics that could be counted, by name, `metric` among them.
        loss_function: that of `loss`; those of two functions cannot be compared.
        samples: scored at the end, 0 where that is not known; `how`: what was scored.
        train_curve: [step, training loss], at most 200.
        steps: optimizer steps; `seconds`: wall time of the program.
        ended: as in the signal `run` (`ok`, `exception`, `exit`, `stopped`), or `killed`.
        error: last lines of what the program wrote where it failed; empty otherwise.
        unmeasured: why there is no metric; empty otherwise.
        run: where the run was kept, if it was to be.
    """

    metric: str | None = None
    higher_is_better: bool = True
    split: Literal["val", "train"] = "val"
    value: float | None = None
    best: float | None = None
    curve: list[list[float]] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)
    loss_function: str = ""
    samples: int = 0
    how: str = ""
    train_curve: list[list[float]] = field(default_factory=list)
    steps: int = 0
    seconds: float = 0.0
    ended: str = "ok"
    error: str = ""
    unmeasured: str = ""
    run: str = ""

    def record(self) -> dict[str, Any]:
        """JSON types only; a number that is not finite is None."""
        found: dict[str, Any] = _plain(asdict(self))
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def measured_of(record: dict[str, Any]) -> Measured:
    """What `record` has made of it; numbers that were not finite are NaN again where a number is needed.

    Raises:
        KeyError, TypeError: it is none.
    """
    scores = {
        name: Score(_number(one["value"]), _number(one["best"]), one["curve"]) for name, one in record["scores"].items()
    }
    return Measured(**{**record, "scores": scores})


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def common_metric(first: Measured, second: Measured) -> str | None:
    """The metric by which two runs can be compared: counted in both, on the same split; None where there is none.

    Losses are comparable only where the loss function is the same. That its scale is the same is for the caller to say.
    """
    if first.split != second.split:
        return None
    for metric in (SCORE, ERROR, *METRICS):
        if metric not in first.scores or metric not in second.scores:
            continue
        if metric != "loss" or first.loss_function == second.loss_function:
            return metric
    return None


def measure(scores: Scores, steps: int) -> Measured:
    """What a run came to, from what was heard of it."""
    curve = thinned(scores.losses)
    found = _of_passes(list(scores.held_out()), "val")
    if found is None:
        found = _of_fixed(scores) or _of_passes(list(scores.on_training()), "train") or _of_last(scores)
        against = scores.aims.against(loss_alone=found is None or set(found["scores"]) == {"loss"})
        if against:
            return Measured(train_curve=curve, steps=steps, split="train", unmeasured=against)
    if found is None:
        return Measured(train_curve=curve, steps=steps, unmeasured="no training step was seen")
    metric = next((m for m in METRICS if m in found["scores"]), None)
    if metric is None:
        return Measured(train_curve=curve, steps=steps, unmeasured=found["how"])
    score: Score = found["scores"][metric]
    unmeasured = "" if math.isfinite(score.value) else f"the {metric} at the end is not a finite number"
    return Measured(
        metric=metric, higher_is_better=metric != "loss", value=score.value, best=score.best, curve=score.curve,
        train_curve=curve, steps=steps, unmeasured=unmeasured, **found,
    )  # fmt: skip


def _of_passes(series: Sequence[Series], split: Literal["val", "train"]) -> dict[str, Any] | None:
    """The evaluation that was made most often; of these the one of the most samples.

    Models that are trained one after the other and evaluated at one place (folds) count alike.
    """
    places: dict[Any, list[Series]] = {}
    for one in series:
        same = [s for s in series if s.place == one.place and s.model == one.model]
        # One place that scores several sets of samples is as many.
        places.setdefault((one.place, one.loader) if len(same) > 1 else one.place, []).append(one)
    open_ones = [some for some in places.values() if not any(_is_later(other, some) for other in places.values())]

    def rank(some: list[Series]) -> tuple[bool, int, int]:
        passes = [p for one in some for p in one.passes]
        told = any("loss" not in p.scores or len(p.scores) > 1 for p in passes)
        return told, len(passes), max(map(_size, some))

    chosen = max(open_ones, key=rank, default=None)
    if chosen is None:
        return None
    chosen = [_with_later(one, series) for one in chosen]
    lasts = [one.passes[-1] for one in chosen]
    passes = [p for one in chosen for p in one.passes]
    made = {}
    for metric in METRICS:
        if all(metric in p.scores for p in lasts):
            points = [[float(p.step), p.scores[metric]] for p in passes if metric in p.scores]
            bests = [_best(metric, [p.scores[metric] for p in one.passes if metric in p.scores]) for one in chosen]
            made[metric] = Score(_mean([p.scores[metric] for p in lasts]), _mean(bests), points)
    how = f"the last of {len(passes)} evaluation passes"
    if len(chosen) > 1:
        how = f"the last evaluation passes of {len(chosen)} models"
    return {
        "split": split, "scores": made, "loss_function": lasts[-1].function, "samples": sum(p.samples for p in lasts),
        "how": how,
    }  # fmt: skip


def _with_later(one: Series, every: Sequence[Series]) -> Series:
    """With the evaluations of the same samples that stand elsewhere, behind training: of weights that were kept."""
    last = one.passes[-1]
    for other in every:
        same = (
            other is not one and other.model == one.model and _size(other) == _size(one) and _same_samples(one, other)
        )
        if same and other.passes[0].step >= last.step and set(other.passes[-1].scores) >= set(last.scores):
            return replace(one, passes=[*one.passes, *other.passes])
    return one


def _same_samples(one: Series, other: Series) -> bool:
    if one.loader is not None or other.loader is not None:
        return one.loader is other.loader
    prints = (one.prints, other.prints)
    return all(p is not None and len(p) for p in prints) and np.array_equal(*prints)


def _is_later(some: Sequence[Series], than: Sequence[Series]) -> bool:
    """They begin when the others have ended, with other models: those have made way (a pretraining)."""
    if {one.model for one in some} & {one.model for one in than}:
        return False
    return min(one.passes[0].step for one in some) > max(one.passes[-1].step for one in than)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _size(series: Series) -> int:
    return series.passes[-1].samples


def _best(metric: str, values: Iterable[float]) -> float:
    finite = [v for v in values if math.isfinite(v)] or [math.nan]
    return min(finite) if metric == "loss" else max(finite)


def _of_fixed(scores: Scores) -> dict[str, Any] | None:
    """The trained model on the training samples that were kept."""
    tally = scores.fixed.scored() if scores.fixed.batches else None
    made = {} if tally is None else tally.scores()
    if tally is None or not made:
        return None
    how = f"the trained model in evaluation mode on {tally.samples} training samples"
    return {
        "split": "train", "scores": {m: Score(v, v) for m, v in made.items()}, "loss_function": tally.function,
        "samples": tally.samples, "how": how,
    }  # fmt: skip


def _of_last(scores: Scores) -> dict[str, Any] | None:
    """The last training batches as they were trained on; with the training loss alone if they have no other score."""
    if not scores.losses:
        return None
    loss = tail_of([v for _, v in scores.losses])
    batches = scores.last_batches()
    counted = [tally.scores() for tally in batches]
    made = {"loss": Score(loss, loss)}
    for metric in ("accuracy", "r2"):
        values = [one[metric] for one in counted if metric in one]
        if values:
            mean = sum(values) / len(values)
            made[metric] = Score(mean, mean)
    function = batches[-1].function if batches else OWN_LOSS
    steps = tail_length(len(scores.losses))
    what = f"the last {len(batches)} training batches" if len(made) > 1 else f"the training loss of {steps} steps"
    samples = sum(t.samples for t in batches)
    return {"split": "train", "scores": made, "loss_function": function, "samples": samples, "how": what}


def tail_length(count: int) -> int:
    """Steps at the end of a run over which its training loss is averaged."""
    return min(count, max(MIN_TAIL, int(TAIL_SHARE * count)))


def tail_of(values: Sequence[float]) -> float:
    """Mean of the training loss, or of another value of each step, at the end of a run."""
    tail = values[-tail_length(len(values)) :]
    return sum(tail) / len(tail)


def thinned(points: Sequence[tuple[int, float]]) -> list[list[float]]:
    """At most 200 of the points: means of neighbours."""
    size = max(1, math.ceil(len(points) / MAX_POINTS))
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [[float(g[-1][0]), sum(v for _, v in g) / len(g)] for g in groups]
