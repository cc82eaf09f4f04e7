"""What one run of a program came to, in numbers that can be compared with those of its twin."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from netvet.fixes.scoring import Scores, Series
from netvet.fixes.tally import METRICS

MAX_POINTS = 200
# Of the training loss at the end of a run: the mean over this share of the steps, over so many at least.
TAIL_SHARE, MIN_TAIL = 0.1, 10
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
            first of them that could be counted; None where nothing could.
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
    for metric in METRICS:
        if metric not in first.scores or metric not in second.scores:
            continue
        if metric != "loss" or first.loss_function == second.loss_function:
            return metric
    return None


def measure(scores: Scores, steps: int) -> Measured:
    """What a run came to, from what was heard of it."""
    curve = thinned(scores.losses)
    found = _of_passes(list(scores.held_out()), "val") or _of_fixed(scores)
    found = found or _of_passes(list(scores.on_training()), "train") or _of_last(scores)
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


def _of_passes(series: Sequence[Series], split: str) -> dict[str, Any] | None:
    """The evaluation that was made most often; of these the one of the most samples."""

    def rank(one: Series) -> tuple[bool, int, int]:
        return any("loss" not in p.scores or len(p.scores) > 1 for p in one.passes), len(one.passes), _size(one)

    chosen = max(series, key=rank, default=None)
    if chosen is None:
        return None
    last = chosen.passes[-1]
    made = {}
    for metric in METRICS:
        points = [[float(p.step), p.scores[metric]] for p in chosen.passes if metric in p.scores]
        if points and metric in last.scores:
            made[metric] = Score(last.scores[metric], _best(metric, [v for _, v in points]), points)
    how = f"the last of {len(chosen.passes)} evaluation passes"
    return {
        "split": split, "scores": made, "loss_function": last.function, "samples": last.samples, "how": how,
    }  # fmt: skip


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
    tail = [v for _, v in scores.losses[-max(MIN_TAIL, int(TAIL_SHARE * len(scores.losses))) :]]
    loss = sum(tail) / len(tail)
    batches = scores.last_batches()
    counted = [tally.scores() for tally in batches]
    made = {"loss": Score(loss, loss)}
    for metric in ("accuracy", "r2"):
        values = [one[metric] for one in counted if metric in one]
        if values:
            mean = sum(values) / len(values)
            made[metric] = Score(mean, mean)
    function = batches[-1].function if batches else OWN_LOSS
    what = f"the last {len(batches)} training batches" if len(made) > 1 else f"the training loss of {len(tail)} steps"
    samples = sum(t.samples for t in batches)
    return {"split": "train", "scores": made, "loss_function": function, "samples": samples, "how": what}


def thinned(points: Sequence[tuple[int, float]]) -> list[list[float]]:
    """At most 200 of the points: means of neighbours."""
    size = max(1, math.ceil(len(points) / MAX_POINTS))
    groups = [points[i : i + size] for i in range(0, len(points), size)]
    return [[float(g[-1][0]), sum(v for _, v in g) / len(g)] for g in groups]
