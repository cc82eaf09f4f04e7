"""Softmax over the wrong axis."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number

_FUNCTIONS = ("cross_entropy", "nll_loss", "kl_div")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="rows that are distributions [share]",
    fixes={"class-axis": "Normalise over the axis of the classes: dim=1 (or dim=-1 when it is the last)."},
)
def wrong_softmax_dim(
    losses: Facts,
    *,
    share: float = 0.5,  # of the rows that sum to one over the classes; a right softmax has all of them
) -> Iterator[Finding]:
    """Softmax is taken over the samples or positions, not over the classes, before a loss.

    ## Why it matters
    The samples of a batch compete with each other for each class. The net still learns to some degree and accuracy may
    even look right, but the probabilities and the loss mean nothing.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"site": "train.py:9", "function": "nll_loss", "phase": "train", "input_op": "log_softmax",
    ...                  "input_dim": 0, "rows_are_log_probabilities": 0.0, "rows_sum_to_one": 0.0, "classes": 10})
    >>> wrong_softmax_dim(sick)[0].message
    'log_softmax over dim 0 enters nll_loss, whose classes are on dim 1: only 0% of the rows are distributions'

    ## Known problems
    Softmax on a permuted or reshaped tensor may name another axis and be right: the rows themselves decide. Contrastive
    losses that normalise over the batch on purpose use cross_entropy on raw similarities and are silent.

    ## References
    Measured on the digits: log_softmax over dim 0 ends at loss 2.23 with an accuracy of 0.95.
    """
    for record in losses:
        op, function = record.get("input_op"), record.get("function")
        if record.get("phase") != "train" or function not in _FUNCTIONS or op not in ("softmax", "log_softmax"):
            continue
        rows = number(record, "rows_are_log_probabilities" if op == "log_softmax" else "rows_sum_to_one")
        dim, classes = record.get("input_dim"), number(record, "classes")
        if rows is None or rows >= share or (classes or 0) < 2 or record.get("feeds_backward") is False:
            continue
        # Raw outputs over a set that only looks like softmax outputs have no axis.
        if not isinstance(dim, int) or (number(record, "batch") or 2) < 2:
            continue
        # What was dim 1 may be another after a reshape; after a selection the rows need not sum to one.
        reshaped = record.get("input_reshaped") is True
        if dim == 1 and not reshaped:
            continue
        message = (
            f"{op} over dim {dim} enters {function}{' in another shape' * reshaped}, whose classes are on dim 1: "
            f"only {rows:.0%} of the rows are distributions"
        )
        place = location_of(record, "input_created", "input", "")
        yield Finding(message, record.get("site"), 0, rows, share, place, {"dim": dim}, confidence=1.0)
