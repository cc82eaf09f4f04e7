"""The scores of a run by the signals that its capture has stored: `evaluations`, `loss`, `train_accuracy`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from netvet.core import LayerSeries, Series
from netvet.fixes.measured import METRICS, Measured, Score, tail_of, thinned
from netvet.store import Run

# The same quantity, of logits and of probabilities.
_SAME = {"nll_loss": "cross_entropy", "binary_cross_entropy_with_logits": "binary_cross_entropy"}
NOTHING = "no loss of a training step was seen"


def recorded(path: Path, own: Mapping[str, Score] | None = None, **about: Any) -> Measured:
    """What a stored run came to.

    Its last evaluation of held-out samples counts: of several places that evaluate, the one that did so most often, and
    of these the one of the most samples. Without any, it is the end of the training.

    Args:
        own: scores that are known better than the run tells them, at the end of the run; a curve is added to each.
        about: of these scores: `split`, `samples`, `how`, `loss_function`.
    """
    run = Run.open(path)
    losses = points(run, "loss")
    curve = thinned([(int(step), value) for step, value in losses])
    records = evaluations(run)
    found = _of_evaluations(records) if records and about.get("split") != "train" else _of_training(run, losses)
    scores, split = found["scores"], found["split"]
    found["loss_function"] = quantity(_function(run))
    if own and about.get("split", split) == split:
        scores |= {name: _with_curve(score, scores.get(name), name) for name, score in own.items()}
        found |= {k: v for k, v in about.items() if v}
    metric = next((m for m in METRICS if m in scores), None)
    if metric is None:
        return Measured(train_curve=curve, unmeasured=NOTHING)
    score = scores[metric]
    unmeasured = "" if math.isfinite(score.value) else f"the {metric} at the end is not a finite number"
    return Measured(
        metric=metric, higher_is_better=metric != "loss", value=score.value, best=score.best, curve=score.curve,
        train_curve=curve, unmeasured=unmeasured, **found,
    )  # fmt: skip


def quantity(function: str) -> str:
    """What a loss function computes, whatever it is given: losses of one quantity can be compared."""
    return _SAME.get(function, function)


def _function(run: Run) -> str:
    facts: Any = run.get("losses")
    return next((str(r["function"]) for r in facts or () if r.get("phase") == "train" and r.get("function")), "")


def points(run: Run, signal: str) -> list[tuple[int, float]]:
    """Step and value of a signal, of its key with the most values."""
    found = run.get(signal)
    every = [found] if isinstance(found, Series) else list(found.values()) if isinstance(found, LayerSeries) else []
    chosen = max(every, key=len, default=Series.of(()))
    return [(int(step), float(value)) for step, value in zip(chosen.steps, chosen.values, strict=True)]


def evaluations(run: Run) -> list[Mapping[str, Any]]:
    """Records of the place that counts, in order."""
    places: dict[str, list[Mapping[str, Any]]] = {}
    facts: Any = run.get("evaluations")
    for record in facts or ():
        if record.get("loss") is not None or record.get("accuracy") is not None:
            places.setdefault(str(record.get("loss_site") or f"{record.get('file')}:{record.get('line')}"), []).append(
                record
            )
    return max(places.values(), key=lambda some: (len(some), int(some[-1].get("samples") or 0)), default=[])


def _of_evaluations(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    scores: dict[str, Score] = {}
    for name in ("accuracy", "loss"):
        values = [(r["step"], float(r[name])) for r in records if r.get(name) is not None]
        if values and records[-1].get(name) is not None:
            scores[name] = _score(name, values)
    split: Literal["val", "train"] = "val"
    return {
        "scores": scores, "split": split, "samples": int(records[-1].get("samples") or 0),
        "how": f"the last of {len(records)} evaluations",
    }  # fmt: skip


def _of_training(run: Run, losses: Sequence[tuple[int, float]]) -> dict[str, Any]:
    scores: dict[str, Score] = {}
    for name, values in (("accuracy", points(run, "train_accuracy")), ("loss", losses)):
        if values:
            mean = tail_of([v for _, v in values])
            scores[name] = Score(mean, mean)
    return {"scores": scores, "split": "train", "samples": 0, "how": "the last training steps"}


def _score(name: str, values: Sequence[tuple[Any, float]]) -> Score:
    finite = [v for _, v in values if math.isfinite(v)] or [math.nan]
    best = min(finite) if name == "loss" else max(finite)
    return Score(values[-1][1], best, [[float(step), value] for step, value in values])


def _with_curve(score: Score, told: Score | None, name: str) -> Score:
    """A score at the end, with the course that the program itself has told of it."""
    if told is None or score.curve:
        return score
    values = [v for v in (score.best, told.best) if math.isfinite(v)] or [math.nan]
    return Score(score.value, min(values) if name == "loss" else max(values), told.curve)
