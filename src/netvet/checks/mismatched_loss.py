"""A loss that was made for another task than the targets show."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number

_DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_SIGNED = ("hinge_embedding_loss", "soft_margin_loss")
# Largest count of different whole numbers that still look like class labels rather than a quantity.
_MOST_LABELS = 100


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "cross-entropy": "For one of several classes: one output per class, and cross_entropy with the class numbers.",
        "bce-with-logits": "For yes or no, or several labels: binary_cross_entropy_with_logits, targets 0 and 1.",
        "signed-targets": "Give losses of the hinge kind targets of -1 and 1.",
    },
)
def mismatched_loss(losses: Facts, metrics: Facts | None = None) -> Iterator[Finding]:
    """The loss does not fit the task that the targets show.

    ## Why it matters
    A squared distance to a class number says that class 3 lies between 2 and 4; a softmax over a single output is
    always 1, whatever the net says; a binary cross-entropy with targets outside 0 to 1 has no minimum. The training
    then optimises something else than the task, often without any error.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"site": "train.py:44", "phase": "train", "function": "cross_entropy", "classes": 1})
    >>> mismatched_loss(sick)[0].message
    'cross_entropy gets a single output, whose softmax is always 1: the loss is 0 whatever the net says'

    ## Known problems
    Squared error on raw outputs against one-hot targets, on 0/1 targets (least-squares GAN) and on whole numbers that
    are quantities (ratings, counts) is legal; so is one binary cross-entropy per class. All are silent. Class numbers
    under a squared distance count as a fault only where the script itself counts exact hits.

    ## References
    Goodfellow, Bengio, Courville, Deep Learning (2016), 6.2.2; Hui and Belkin, arXiv:2006.07322 (square loss).
    """
    hits = any(m.get("op") in ("round", "eq", "argmax", "max") and m.get("value") is not None for m in metrics or ())
    for loss in losses:
        if loss.get("phase") == "eval" or loss.get("feeds_backward") is False:
            continue
        for message, severity, confidence in _faults(loss, hits=hits):
            place = location_of(loss)
            yield Finding(message, loss.get("site"), location=place, severity=severity, confidence=confidence)
            break


def _faults(loss: Record, *, hits: bool) -> Iterator[tuple[str, Severity, float]]:
    function = str(loss.get("function"))
    target = loss.get("target") or {}
    low, high, distinct = number(target, "min"), number(target, "max"), number(target, "distinct")
    if function in ("cross_entropy", "nll_loss") and loss.get("classes") == 1:
        meaning = "whose softmax is always 1: the loss is 0" if function == "cross_entropy" else "no choice: it falls"
        yield f"{function} gets a single output, {meaning} whatever the net says", "error", 1.0
    if low is None or high is None or distinct is None:
        return
    integral = bool(target.get("integral"))
    # Two labels (and one for `unknown`) are for this loss, only coded in another way: label-out-of-range.
    coded = integral and (distinct <= 2 or (distinct == 3 and low < 0 <= high <= 1))
    if function.startswith("binary_cross_entropy") and (low < -1e-3 or high > 1 + 1e-3) and not coded:
        where = f"targets from {low:g} to {high:g} where it is defined for 0 to 1"
        yield f"{function} gets {where}: it has no minimum there", "error", 1.0
    if function in _SIGNED and integral and (low, high, distinct) == (0, 1, 2):
        where = "targets 0 and 1 where it is defined for -1 and 1"
        yield f"{function} gets {where}: samples with target 0 teach nothing", "error", 1.0
    if function in _DISTANCES and integral:
        yield from _distance(function, loss, (low, high, distinct), hits=hits)
    several = function in ("hinge", "squared_hinge") and 0 <= low < high == 1 and abs(_labels_per_row(loss) - 1) < 1e-3
    if several and (loss.get("target") or {})["shape"][-1] >= 3:
        message = f"{function} asks each output for a yes or no of its own, but each target is one of several classes"
        yield message, "warning", 0.8
    labels = _labels_per_row(loss) if function == "cross_entropy" and integral and distinct == 2 else 0.0
    if labels > 1.05:
        message = f"cross_entropy gets {labels:.2g} positive labels per sample, but its softmax lets only one class win"
        yield message, "warning", 0.7


def _distance(
    function: str, loss: Record, values: tuple[float, float, float], *, hits: bool
) -> Iterator[tuple[str, Severity, float]]:
    """A distance where the targets are class numbers, or one-hot rows behind a softmax."""
    low, high, distinct = values
    shape = (loss.get("target") or {}).get("shape") or []
    one_value = sum(1 for size in shape if size != 1) <= 1
    if one_value and 3 <= distinct <= _MOST_LABELS and low in (0, 1) and high - low + 1 <= 1.5 * distinct and hits:
        what = f"class numbers from {low:g} to {high:g} for amounts, while the script counts exact hits"
        yield f"{function} takes {what}", "warning", 0.7
    softmaxed = loss.get("input_op") == "softmax" or (number(loss, "rows_sum_to_one") or 0) > 0.99
    one_hot = (low, high, distinct) == (0, 1, 2) and abs(_labels_per_row(loss) - 1) < 1e-3
    if one_hot and shape[-1] >= 3 and softmaxed:
        what = f"compares softmax probabilities with one-hot targets of {shape[-1]} classes"
        yield f"{function} {what}: its gradient vanishes where the net is confidently wrong", "warning", 0.6


def _labels_per_row(loss: Record) -> float:
    """Mean number of positive labels per sample of a 0/1 target with one column per class; 0 if it is none."""
    target = loss.get("target") or {}
    shape, mean = list(target.get("shape") or ()), number(target, "mean")
    same = len(shape) == 2 and shape == list((loss.get("input") or {}).get("shape") or ())
    return mean * float(shape[1]) if same and mean is not None else 0.0
