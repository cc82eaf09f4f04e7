"""Targets that are all the same."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=("wrong-dtype",),
    fixes={
        "check-targets": "Print some targets next to their inputs: the column, the file or the conversion is wrong."
    },
)
def constant_target(
    targets: Facts,
    losses: Facts | None = None,
    optimizers: Facts | None = None,
    *,
    fewest: int = 32,  # targets; a single small batch can be of one class
    several: int = 1000,  # binary targets without a single one of the other kind
) -> Iterator[Finding]:
    """Every training sample has the same target, so there is nothing to learn.

    ## Why it matters
    The bias of the last layer alone brings the loss to its minimum. The curve looks perfect, and the net has learned
    nothing about the inputs.

    ## Example
    >>> from netvet.core import Facts
    >>> target = {"site": "train.py:44", "phase": "train", "kind": "classes", "outputs": 10, "classes_seen": 1}
    >>> constant_target(Facts.of({**target, "min": 0.0, "max": 0.0, "samples": 640}))[0].message
    'all 640 training targets are 0: the net can answer without its input'

    ## Known problems
    A GAN scores real batches against ones and fake ones against zeros; physics-informed nets and penalties pull
    residuals to zero. So 0 and 1 under a regression loss count only where the targets of the evaluation do vary, under
    a binary loss also where a single optimizer saw none of the other kind among many, and a target is constant only
    if all training losses together see a single value.

    ## References
    The minimum of cross-entropy is the entropy of the targets, which is 0 here (Cover and Thomas, chapter 2).
    """
    train = [t for t in targets.where(phase="train") if number(t, "samples")]
    values = {(number(t, "min"), number(t, "max")) for t in train}
    if len(values) != 1 or len({t.get("kind") for t in train}) != 1:
        return
    low, high = values.pop()
    count = sum(number(t, "samples") or 0 for t in train)
    if low is None or low != high or count < fewest:
        return
    first = train[0]
    if first.get("kind") in ("classes", "sequence"):
        fires = (number(first, "outputs") or 0) >= 2
        sure = 0.9
    else:
        # One optimizer: no second net that gets the other answer.
        scored = first.get("kind") == "binary" and len(optimizers or ()) == 1 and count >= several
        varied = any(_varies(t) for t in targets if t.get("phase") != "train")
        fires = low not in (0.0, 1.0, -1.0) or varied or scored
        sure = 0.8
    if fires and not _ignored(first, losses):
        place = next((location_of(x, "target", "") for x in losses or () if x.get("site") == first.get("site")), None)
        message = f"all {count:g} training targets are {low:g}: the net can answer without its input"
        yield Finding(message, first.get("site"), 0, 0.0, 0.0, place, confidence=sure)


def _varies(target: Record) -> bool:
    low, high = number(target, "min"), number(target, "max")
    return low is not None and high is not None and high > low


def _ignored(target: Record, losses: Facts | None) -> bool:
    """Whether the loss at that line is not the one that trains, or one of several that do."""
    own = [x for x in losses or () if x.get("phase") == "train" and x.get("feeds_backward") is not False]
    return bool(own) and any(
        x.get("site") != target.get("site") and x.get("function") != own[0].get("function") for x in own
    )
