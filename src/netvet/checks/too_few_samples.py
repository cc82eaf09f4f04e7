"""Training data that are too few for the task."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check
from netvet.stats import number


@check(
    stage="fit",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="gain from twice as many samples [score]",
    explained_by=("excessive-augmentation", "label-breaking-augmentation", "random-labels", "label-errors"),
    fixes={
        "more-data": "Gather more training data; until then begin with trained weights, if there are any.",
        "mild-augmentation": "Images: shift each by a pixel or two in training.",
    },
    experiments=("learning-curve",),
)
def too_few_samples(
    experiments: Facts | None = None,
    learning_curve: Facts | None = None,
    *,
    points: float = 0.03,  # of accuracy or r2
    share: float = 0.1,  # of a validation loss
    gap: float = 0.15,  # of accuracy or r2 between training and validation
    ratio: float = 2.0,  # of validation to training loss
) -> Iterator[Finding]:
    """Twice the training data would help for sure and by a lot, and the samples that are there are fitted far better.

    ## Why it matters
    No regulariser makes up for samples that were never seen, and weeks of tuning bring less than a day of labelling.

    ## Example
    >>> from netvet.core import Facts
    >>> gain = {"effect": -0.08, "low": -0.1, "high": -0.06}
    >>> seen = {"measure": "accuracy", "sizes": [12, 24, 48, 96], "errors": [[0.6, 0.5, 0.3, 0.2]], "train": [1.0]}
    >>> told = {"experiment": "learning-curve", "verdict": "advice", "evidence": {**seen, "gain": gain}}
    >>> too_few_samples(Facts.of(told))[0].message
    'with 96 samples accuracy is 0.8 on validation and 1 on training data; twice as many bring +0.08 (0.06 to 0.1)'

    ## Known problems
    Only named where `netvet recipe` has measured the learning curve. Nearly every net gets a little better with more
    data: the gain must be sure, and at least three points of accuracy (or r2), or a tenth of the loss. A net that does
    not fit its training data either has another fault.

    ## References
    Hestness et al. (2017), Deep Learning Scaling is Predictable, Empirically: errors fall with the size of the data to
    the power of -0.07 to -0.35, by 5 to 22 % for twice as many. Ng, Machine Learning Yearning (2018), chapter 28.
    """
    yield from _of_data(learning_curve or Facts(), points)
    for record in (experiments or Facts()).where(experiment="learning-curve", verdict="advice"):
        seen = record.get("evidence") or {}
        gain, measure = seen.get("gain") or {}, str(seen.get("measure"))
        held_out, fit = _held_out(seen, measure), _mean(seen.get("train"))
        if held_out is None or fit is None or not seen.get("sizes") or not all(_is_number(gain.get(k)) for k in _GAIN):
            continue
        if measure == "loss":
            limit, far = share * held_out, fit < held_out / ratio
        else:
            limit, far = points, held_out < fit - gap
        if -gain["effect"] >= limit and gain["high"] < 0 and far:
            sign = "-" if measure == "loss" else "+"
            yield Finding(
                f"with {seen['sizes'][-1]} samples {measure} is {held_out:.3g} on validation and {fit:.3g} on training "
                f"data; twice as many bring {sign}{-gain['effect']:.3g} ({-gain['high']:.3g} to {-gain['low']:.3g})",
                value=-gain["effect"],
                limit=limit,
                confidence=0.8,
            )


_GAIN = ("effect", "low", "high")


def _held_out(seen: Record, measure: str) -> float | None:
    """Score or loss on validation data with all samples."""
    errors = _mean([row[-1] for row in seen.get("errors") or () if row])
    return errors if errors is None or measure == "loss" else 1 - errors


def _mean(values: object) -> float | None:
    found = [float(v) for v in values if _is_number(v)] if isinstance(values, (list, tuple)) else []
    return sum(found) / len(found) if found else None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _of_data(curves: Facts, points: float) -> Iterator[Finding]:
    """Cheap models on the data alone: what a net would gain may be more or less."""
    for record in curves:
        gain, error = number(record, "gain"), number(record, "gain_error")
        if gain is None or error is None or gain < points or gain < 3 * error:
            continue
        sizes, scores = record.get("sizes") or (0,), record.get("scores") or (0.0,)
        message = (
            f"with {sizes[-1]} samples cheap models reach {record.get('score')} {scores[-1]:.3g}, "
            f"{gain:.2g} more than with half of them: more samples would help"
        )
        yield Finding(message, record.get("split"), value=gain, limit=points, severity="note", confidence=0.5)
