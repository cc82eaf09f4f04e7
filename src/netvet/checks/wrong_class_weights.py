"""Class weights that favour the wrong classes, and targets that are ignored by accident."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number

_Fault = tuple[str, Severity, float]  # message, severity, confidence


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    fixes={
        "invert-weights": "Weight a class by the inverse of its frequency (and positives by negatives over positives).",
        "reorder-weights": "Compute the weights in the order of the class numbers that the loss sees.",
        "other-ignore-index": "Use an ignore_index that is no class, such as -100.",
    },
)
def wrong_class_weights(
    losses: Facts,
    inputs: Facts | None = None,
    *,
    uneven: float = 2.0,  # classes and weights that differ by less say nothing about a direction
    samples: int = 50,  # fewer targets give no reliable counts
    ignored: float = 0.999,  # with all targets ignored the mean is over nothing
) -> Iterator[Finding]:
    """The class weights of the loss do the opposite of what they are for, or a class is ignored.

    ## Why it matters
    Weights are there to give rare classes a voice. Computed upside down, or in another order than the class numbers,
    they silence the rare classes altogether. An ignore_index that is a real class removes that class from training.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"function": "cross_entropy", "weight": [0.9, 0.2], "counts": [900, 100]})
    >>> wrong_class_weights(sick)[0].message  # doctest: +ELLIPSIS
    'the class weights grow with the frequency: class 0 with 90% of the targets has weight 0.9, class 1 with 10% of ...'

    ## Known problems
    A weight of 0 for padding, a small weight for the background of a detector, and ignored positions of a sequence are
    usual and silent; so are weights where the counts hardly differ, as with a balancing sampler.

    ## References
    King and Zeng (2001), Logistic regression in rare events data; torch.nn.CrossEntropyLoss and BCEWithLogitsLoss.
    """
    for loss in losses:
        if loss.get("phase") == "eval" or loss.get("feeds_backward") is False:
            continue
        weights = (*_weights(loss, uneven, samples), *_positives(loss, uneven, samples))
        for message, severity, sure in (*_ignoring(loss, inputs, ignored), *weights)[:1]:
            place = location_of(loss, "created", "")
            yield Finding(message, loss.get("site"), 0, location=place, severity=severity, confidence=sure)


def _numbers(value: object) -> npt.NDArray[np.float64]:
    listed = value if isinstance(value, list | tuple) else [value]
    plain = all(isinstance(v, int | float) and not isinstance(v, bool) for v in listed)
    return np.asarray(listed if plain else [], dtype=float)


def _ignoring(loss: Record, inputs: Facts | None, limit: float) -> Iterator[_Fault]:
    share, index, classes = number(loss, "ignored_share"), number(loss, "ignore_index"), number(loss, "classes")
    if share is None or share <= 0 or index is None:
        return
    if share >= limit:
        yield f"all targets equal ignore_index {index:g}: the loss is a mean over nothing", "error", 1.0
    shape = (loss.get("input") or {}).get("shape") or []
    batch = next((i.get("batch") for i in inputs or () if i.get("phase") == "train" and not i.get("integral")), None)
    # One label for each sample: nothing is padded, so an ignored label is a lost sample.
    if classes and 0 <= index < classes and len(shape) == 2 and batch == shape[0]:
        left_out = f"{share:.0%} of the samples are left out of the loss"
        yield f"ignore_index {index:g} is one of the {classes:g} classes: {left_out}", "warning", 0.8


def _weights(loss: Record, uneven: float, samples: int) -> Iterator[_Fault]:
    weight, counts = _numbers(loss.get("weight")), _numbers(loss.get("counts"))
    if len(weight) < 2 or not np.isfinite(weight).all():
        return
    if (weight < 0).any() or not weight.any():
        what = "negative" if weight.any() else "all 0"
        yield f"the class weights are {what}: {np.round(weight, 3).tolist()[:10]}", "error", 1.0
        return
    if len(counts) != len(weight):
        return
    used = (weight > 0) & (counts > 0)
    w, c = weight[used], counts[used]
    if len(w) < 2 or c.sum() < samples or w.max() < uneven * w.min() or c.max() < uneven * c.min():
        return
    lw, lc = np.log(w), np.log(c)
    slope = float(((lw - lw.mean()) * (lc - lc.mean())).sum() / ((lc - lc.mean()) ** 2).sum())
    most, least = (
        f"class {np.flatnonzero(used)[i]} with {c[i] / c.sum():.0%} of the targets has weight {w[i]:.3g}"
        for i in (int(c.argmax()), int(c.argmin()))
    )
    if slope > 0.3 and float(np.corrcoef(lw, lc)[0, 1]) > 0.7:
        yield f"the class weights grow with the frequency: {most}, {least}", "warning", 0.8
    elif len(w) > 2 and np.std(np.sort(lw) + np.sort(lc)[::-1]) < 0.15 and np.std(lw + lc) > 0.5:
        yield f"the class weights are inverse frequencies, but not in the order of the classes: {most}", "warning", 0.8


def _positives(loss: Record, uneven: float, samples: int) -> Iterator[_Fault]:
    weight, counts = _numbers(loss.get("pos_weight")), _numbers(loss.get("counts"))
    if len(weight) != 1 or len(counts) != 2 or counts.min() < 1 or counts.sum() < samples or weight[0] <= 0:
        return
    inverse = counts[1] / counts[0]
    if max(inverse, 1 / inverse) >= uneven and abs(np.log(weight[0] / inverse)) < 0.35:
        what = f"{counts[1]:g} positives over {counts[0]:g} negatives, the inverse of what balances them"
        yield f"pos_weight {weight[0]:.3g} is {what}", "warning", 0.8
