"""Class labels for which the net has no output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from netvet.core import Facts, Finding, Location, Record, check, class_name, location_of
from netvet.stats import number

_RAISED = re.compile(r"Target (-?\d+) is out of bounds")


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=("mismatched-loss",),
    fixes={
        "start-at-zero": "Number the classes 0 to C - 1, in every split in the same way; yes and no are 1 and 0.",
        "more-outputs": "Give the last layer one output for each class.",
    },
)
def label_out_of_range(
    run: Facts | None = None, targets: Facts | None = None, losses: Facts | None = None
) -> Iterator[Finding]:
    """A class label is not the number of an output of the net.

    ## Why it matters
    The loss looks up the output of the labelled class. Outside of the range it fails, on a GPU with an error that
    names neither label nor line; labels that are shifted in one split only train and never fail, but score nothing.

    ## Example
    >>> from netvet.core import Facts
    >>> failed = {"exception": "IndexError: Target 10 is out of bounds.", "exception_file": "t.py", "exception_line": 9}
    >>> label_out_of_range(Facts.of(failed), Facts.of({"kind": "classes", "outputs": 10}))[0].message
    'label 10 has no output: the net has 10 outputs, for labels 0 to 9 (labels that start at 1?)'

    ## Known problems
    The value of ignore_index is no label. Labels 1 to C with C + 1 outputs are legal, one output is merely unused.
    Amounts and more than two classes in a binary cross-entropy are another fault: mismatched-loss.

    ## References
    torch.nn.functional.cross_entropy, description of target; measured: labels off by one in train only score 0.012.
    """
    for record in run or ():
        found = _RAISED.search(str(record.get("exception")))
        if found:
            kinds = ("classes", "sequence")
            outputs = next((number(t, "outputs") for t in targets or () if t.get("kind") in kinds), None)
            file, line = record.get("exception_file"), record.get("exception_line")
            place = Location(str(file), int(line)) if file and line else None
            message = _message(int(found[1]), outputs)
            yield Finding(message, "target", None, float(found[1]), outputs, place, confidence=1.0)
            return
    used = {loss.get("site"): loss for loss in losses or ()}
    for target in targets or ():
        outputs, high, low = number(target, "outputs"), number(target, "max"), number(target, "min")
        if target.get("kind") not in ("classes", "sequence") or not outputs or high is None or low is None:
            continue
        loss = used.get(target.get("site"), {})
        bad = high if high >= outputs else low
        ignored = loss.get("ignore_index", -100)
        if not 0 <= bad < outputs and bad not in (ignored, -100) and outputs > 1:
            message = _message(int(bad), outputs)
            yield Finding(message, target.get("site"), None, bad, outputs, location_of(loss), confidence=0.8)
            return
    yield from _shifted(targets or Facts(), used)
    yield from _yes_or_no(losses or Facts())


def _message(label: int, outputs: float | None) -> str:
    if outputs is None:
        return f"label {label} has no output of the net: the loss cannot be computed"
    hint = " (labels that start at 1?)" if label == outputs else ""
    return f"label {label} has no output: the net has {outputs:g} outputs, for labels 0 to {outputs - 1:g}{hint}"


def _yes_or_no(losses: Facts) -> Iterator[Finding]:
    """Two labels (and one for `unknown`) that a binary cross-entropy takes for 0 and 1."""
    for loss in losses:
        target = loss.get("target") or {}
        low, high, distinct = number(target, "min"), number(target, "max"), number(target, "distinct")
        if not str(loss.get("function")).startswith("binary_cross_entropy") or not target.get("integral"):
            continue
        if low is None or high is None or distinct is None or 0 <= low <= high <= 1:
            continue
        coded = distinct <= 2 or (distinct == 3 and low < 0 <= high <= 1)  # else amounts, or more classes
        if not coded or loss.get("phase") == "eval" or loss.get("feeds_backward") is False:
            continue
        labels = f"labels {low:g} and {high:g}" if low != high else f"label {low:g}"
        message = f"{loss.get('function')} gets {labels} where it is defined for 0 and 1: it has no minimum there"
        bad, place = high if high > 1 else low, location_of(loss, "target", "")
        yield Finding(message, loss.get("site"), None, bad, 1.0, place, confidence=1.0)


def _shifted(targets: Facts, used: dict[Any, Record]) -> Iterator[Finding]:
    """Labels that differ by one between training and evaluation."""
    train, other = ([t for t in targets if (t.get("phase") == "train") is own and _classes(t)] for own in (True, False))
    if len(train) != 1 or len(other) != 1 or train[0].get("outputs") != other[0].get("outputs"):
        return
    ours, theirs = _classes(train[0]), _classes(other[0])
    shift = ours[0] - theirs[0]
    enough = min(number(t, "samples") or 0 for t in (*train, *other)) >= 10 * len(ours)
    if len(ours) < 3 or abs(shift) != 1 or [c - shift for c in ours] != theirs or not enough:
        return
    own, them = ([class_name(train[0], c) for c in (found[0], found[-1])] for found in (ours, theirs))
    message = f"training labels run from {own[0]} to {own[1]}, evaluation labels from {them[0]} to {them[1]}"
    site, off = train[0].get("site"), f"{message}: every class is off by one"
    if own[0].isdigit():  # words have no order that could be shifted
        yield Finding(off, site, None, shift, 0.0, location_of(used.get(site, {})), confidence=0.9)


def _classes(target: Record) -> list[int]:
    counts = target.get("counts") or () if target.get("kind") == "classes" else ()
    return [int(c) for c in np.flatnonzero(np.asarray([c or 0 for c in counts]))]
