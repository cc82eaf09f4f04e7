"""Sigmoid before a loss that applies sigmoid itself."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number

_FUNCTION = "binary_cross_entropy_with_logits"
# Ops that hand on probabilities as they are, behind which the sigmoid itself was not seen.
_PASSING = (None, "max", "amax", "mean", "clamp", "cat", "stack", "where", "compiled_function")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={"remove-sigmoid": "Hand the raw outputs (logits) to the loss; apply sigmoid only to show predictions."},
)
def double_sigmoid(
    losses: Facts,
    *,
    calls: int = 20,  # without the op itself, so many calls in which no value left [0, 1]
) -> Iterator[Finding]:
    """Probabilities enter a loss that applies sigmoid itself.

    ## Why it matters
    The loss then sees probabilities between 0.5 and 0.73 only: it cannot say "no", and its gradient is small.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"site": "train.py:9", "function": "binary_cross_entropy_with_logits", "phase": "train",
    ...                  "input_op": "sigmoid", "in_unit_interval": True, "calls": 100})
    >>> double_sigmoid(sick)[0].message
    'sigmoid outputs enter binary_cross_entropy_with_logits, which applies sigmoid again: it sees only 0.5 to 0.73'

    ## Known problems
    binary_cross_entropy wants probabilities and is silent, as are bounded logits whose op is known to be another one.

    ## References
    1 / (1 + exp(-1)) = 0.731. Measured on breast cancer data: loss 0.25 to 0.55, accuracy 0.96 to 0.93.
    """
    for record in losses.where(function=_FUNCTION, phase="train"):
        if record.get("in_unit_interval") is False or record.get("feeds_backward") is False:
            continue
        op = record.get("input_op")
        by_op = op in ("sigmoid", "softmax")
        seen = record.get("in_unit_interval") is True and (number(record, "calls") or 0) >= calls
        if not by_op and not (seen and op in _PASSING):
            continue
        what = f"{op} outputs" if by_op else "values that never leave 0 to 1"
        message = f"{what} enter {_FUNCTION}, which applies sigmoid again: it sees only 0.5 to 0.73"
        made = location_of(record, "input")
        evidence = {"loss_site": record.get("site"), "input_op": op}
        yield Finding(
            message,
            record.get("site"),
            0,
            location=made or location_of(record),
            evidence=evidence,
            severity=None if by_op else "warning",
            confidence=1.0 if by_op else 0.6,
        )
