"""Softmax before a loss that applies softmax itself."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="rows that sum to 1 [share]",
    fixes={"remove-softmax": "Hand the raw outputs (logits) to the loss; apply softmax only to show predictions."},
)
def double_softmax(
    losses: Facts,
    *,
    share: float = 0.999,  # of the rows that sum to one: all of them, but for rounding
    calls: int = 3,  # without the op, so many calls in which every row summed to one
) -> Iterator[Finding]:
    """Probabilities enter a loss that applies softmax itself.

    ## Why it matters
    The loss cannot come near zero, because numbers between 0 and 1 are nearly equal as logits, and the gradient is
    small. Adam learns slowly, SGD hardly at all, and nothing else looks wrong.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"site": "train.py:44", "function": "cross_entropy", "phase": "train", "classes": 10,
    ...                  "input_op": "softmax", "rows_sum_to_one": 1.0, "in_unit_interval": True, "calls": 100})
    >>> double_softmax(sick)[0].message
    'softmax outputs enter cross_entropy, which applies softmax again: with 10 classes the loss cannot fall below 1.461'

    ## Known problems
    log_softmax before cross_entropy changes nothing and is silent, as is softmax before a loss that takes its log.

    ## References
    The floor is log(e + C - 1) - 1 for C classes. Measured on the digits: SGD 0.85 to 0.18, Adam 0.93 to 0.84.
    """
    for record in losses.where(function="cross_entropy", phase="train"):
        classes = number(record, "classes")
        rows = number(record, "rows_sum_to_one")
        by_op = record.get("input_op") == "softmax"
        by_value = rows is not None and rows >= share and record.get("in_unit_interval") is True
        if not classes or classes < 2 or record.get("feeds_backward") is False:
            continue
        if not by_value and not (by_op and rows is None and record.get("input_dim") in (None, 1)):
            continue
        if not by_op and (number(record, "calls") or 0) < calls:
            continue
        floor = math.log(math.e + classes - 1) - 1
        what = "softmax outputs enter" if by_op else "values that sum to 1 over the classes enter"
        message = (
            f"{what} cross_entropy, which applies softmax again: with {classes:g} classes the loss cannot fall "
            f"below {floor:.3f}"
        )
        made = location_of(record, "input")
        place: Location | None = made or location_of(record)
        evidence = {"floor": floor, "loss_site": record.get("site"), "input_op": record.get("input_op")}
        yield Finding(message, record.get("site"), 0, rows, share, place, evidence, confidence=1.0 if by_op else 0.8)
