"""A score that the script computes in another way than it means to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import zip_longest

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="score [share]",
    explained_by=("label-out-of-range",),
    fixes={
        "class-axis": "Take the arg-max over the axis of the classes (usually dim=1 or dim=-1).",
        "same-shape": "Give predictions and targets the same shape before comparing them.",
        "logit-threshold": "Compare logits with 0 and probabilities with 0.5.",
    },
)
def misread_metric(
    metrics: Facts,
    *,
    gap: float = 0.05,  # between the script's share of hits and the right one, on the same batch
    loose_gap: float = 0.1,  # for thresholds, which may be chosen on purpose
    compared: int = 16,  # predictions; fewer make chance agreement
) -> Iterator[Finding]:
    """The script's own score is not the accuracy of the model on those samples.

    ## Why it matters
    An arg-max over the samples, a comparison that broadcasts to a table, or a threshold for probabilities on logits
    gives a number that looks like an accuracy and is none. Models are then chosen and stopped by it.

    ## Example
    >>> from netvet.core import Facts
    >>> axes = {"op": "argmax", "dim": 0, "classes_dim": 1}
    >>> sick = Facts.of({**axes, "compared": 64, "value": 0.08, "correct_value": 0.91})
    >>> misread_metric(sick)[0].message
    'the arg-max goes over axis 0, but the classes are on axis 1: the script counts 8% hits where 91% are right'

    ## Known problems
    Another axis is right when the tensor was transposed for the loss, and tables of comparisons are right for top-k
    scores: without a different number of hits on the same batch both are silent. Thresholds other than the middle can
    be meant: small differences are silent.

    ## References
    Measured on the digits: 0.70 read as 0.10 by a broadcast comparison and as 0.00 by an arg-max over the batch.
    """
    for record in metrics:
        found = _fault(record, gap, loose_gap, compared)
        if found:
            message, severity, sure = found
            value, right = number(record, "value"), number(record, "correct_value")
            place = location_of(record, *(("",) if record.get("broadcast") else ("op", "")))
            yield Finding(message, None, None, value, right, place, severity=severity, confidence=sure)
            return
    evaluated = [m for m in metrics if m.get("phase") not in (None, "train")]
    if evaluated and all(m.get("split") == "train" for m in evaluated):
        message = "every score is taken on samples that the model was trained on"
        yield Finding(message, location=location_of(evaluated[0]), severity="note", confidence=0.9)


def _fault(record: Record, gap: float, loose_gap: float, least: int) -> tuple[str, Severity, float] | None:
    value, right, count = (number(record, k) for k in ("value", "correct_value", "compared"))
    prediction, target = (list(record.get(k) or ()) for k in ("prediction_shape", "target_shape"))
    hits, off = "", None
    if value is not None and right is not None:
        hits, off = f": the script counts {value:.0%} hits where {right:.0%} are right", abs(value - right)
    crossed = len(prediction) != len(target) and _crossed(prediction, target)
    if record.get("broadcast") and crossed and off != 0:
        return f"predictions {prediction} are compared with targets {target}, each with every other{hits}", "error", 1.0
    if off is None or count is None or count < least:
        return None
    op, dim, classes = record.get("op"), number(record, "dim"), number(record, "classes_dim")
    known = dim is not None and classes is not None and dim >= 0
    if op in ("argmax", "max") and known and dim != classes and off > gap:
        return f"the arg-max goes over axis {dim:g}, but the classes are on axis {classes:g}{hits}", "error", 1.0
    if op in ("gt", "round") and off > loose_gap:
        what = "threshold" if op == "gt" else "rounding"
        return f"the {what} does not fit the outputs{hits}", "warning", 0.7
    return None


def _crossed(left: list[int], right: list[int]) -> bool:
    """The same elements in shapes whose combination is larger than either."""
    size = math.prod(max(a, b) for a, b in zip_longest(reversed(left), reversed(right), fillvalue=1))
    return [s for s in left if s != 1] == [s for s in right if s != 1] and size > math.prod(left)
