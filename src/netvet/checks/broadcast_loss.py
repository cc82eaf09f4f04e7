"""Output and target that broadcast against each other, sample against sample."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

from netvet.core import Facts, Finding, Record, check, location_of


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="pairs that are compared [count]",
    fixes={
        "same-shape": "Give output and target the same shape: squeeze(-1) the output or unsqueeze(-1) the target.",
    },
)
def broadcast_loss(losses: Facts | None = None, broadcasts: Facts | None = None) -> Iterator[Finding]:
    """Output and target have different shapes, and the loss compares every sample with every target.

    ## Why it matters
    An output of shape (N, 1) minus a target of shape (N) is a table of N x N differences. The best answer to all
    targets at once is their mean, so the net learns to say the mean for every input; the loss falls a little and stops.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"site": "train.py:44", "function": "mse_loss", "phase": "train", "broadcast": True,
    ...                  "input": {"shape": [64, 1]}, "target": {"shape": [64]}})
    >>> broadcast_loss(sick)[0].message
    'mse_loss compares output [64, 1] with target [64] in all 64 x 64 pairs, so the net learns the mean target'

    ## Known problems
    Broadcasting on purpose stays silent: one target for all samples, several quantiles against one target, tables of
    pairs made with an explicit unsqueeze on both sides (both shapes then have the same number of axes), distances to
    a set of centres of another size.

    ## References
    Measured on the diabetes data: R2 falls from 0.55 to 0.02. PyTorch itself only warns.
    """
    seen = set()
    for loss in losses or ():
        left, right = _shape(loss.get("input")), _shape(loss.get("target"))
        if loss.get("phase") == "eval" or loss.get("broadcast") is False or loss.get("feeds_backward") is False:
            continue
        if left and right and _crossed(left, right):
            seen.add((loss.get("file"), loss.get("line")))
            yield _finding(loss, str(loss.get("function", "the loss")), left, right)
    for made in broadcasts or ():
        left, right = _shape(made.get("left")), _shape(made.get("right"))
        known = bool(made.get("pairs")) or _crossed(left, right)
        if left and right and known and (made.get("file"), made.get("line")) not in seen:
            yield _finding(made, str(made.get("op", "the loss")), left, right)


def _finding(record: Record, what: str, left: list[int], right: list[int]) -> Finding:
    count = math.prod(left)
    every = int(record.get("pairs") or _broadcast_size(left, right))
    pairs = f"{count} x {every // count} pairs"
    message = f"{what} compares output {left} with target {right} in all {pairs}, so the net learns the mean target"
    where = record.get("site")
    return Finding(message, where, 0, float(every), float(count), location_of(record), confidence=1.0)


def _shape(value: Any) -> list[int]:
    """A shape from a tensor's summary or from a plain list; empty if there is none."""
    found = value.get("shape") if isinstance(value, dict) else value
    return [int(size) for size in found] if isinstance(found, list | tuple) else []


def _crossed(left: Sequence[int], right: Sequence[int]) -> bool:
    """The same elements on both sides, in shapes of different rank, whose combination is larger than either."""
    squeezed = [s for s in left if s != 1] == [s for s in right if s != 1]
    return squeezed and len(left) != len(right) and _broadcast_size(left, right) > math.prod(left)


def _broadcast_size(left: Sequence[int], right: Sequence[int]) -> int:
    return math.prod(max(a, b) for a, b in zip_longest(reversed(left), reversed(right), fillvalue=1))
