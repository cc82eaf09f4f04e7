"""Targets that are all the same."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.changes import Constant, became_constant, between, onset
from netvet.core import Facts, Finding, LayerSeries, Location, Record, Series, check, class_name, location_of
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
    loss: LayerSeries | None = None,
    target_top_share: LayerSeries | None = None,
    target_std: LayerSeries | None = None,
    prediction_std: LayerSeries | None = None,
    *,
    fewest: int = 32,  # targets; a single small batch can be of one class
    several: int = 1000,  # binary targets without a single one of the other kind
    chance: float = 1e-6,  # of so many batches of a single target in a row, by how often there was one before
) -> Iterator[Finding]:
    """Every training sample has the same target, or has from some step on, so there is nothing to learn.

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
    if all training losses together see a single value. Targets that become constant must do so at once, under the only
    loss: those that an agent earns (rewards, its own actions) get there little by little.

    ## References
    The minimum of cross-entropy is the entropy of the targets, which is 0 here (Cover and Thomas, chapter 2).
    """
    train = [t for t in targets.where(phase="train") if number(t, "samples")]
    values = {(number(t, "min"), number(t, "max")) for t in train}
    sole = len(optimizers or ()) == 1  # no second net that gets the other answer
    varied = any(_varies(t) for t in targets if t.get("phase") != "train")
    if len({t.get("kind") for t in train}) != 1 or _ignored(train[0], losses):
        return
    first, low, high = train[0], *next(iter(values))
    classes = first.get("kind") in ("classes", "sequence")
    place = next((location_of(x, "target", "") for x in losses or () if x.get("site") == first.get("site")), None)
    if len(train) == 1 and number(first, "constant_since") and not _weighted(first, losses):
        now = became_constant(first, target_std, target_top_share, chance=chance)
        told = classes or (sole and (varied or _stands_still(first, prediction_std)))
        if now is not None and now.samples >= fewest and told:
            yield _late(first, now, loss, place)
        return
    count = sum(number(t, "samples") or 0 for t in train)
    if len(values) != 1 or low is None or low != high or count < fewest:
        return
    scored = first.get("kind") == "binary" and sole and count >= several
    if (number(first, "outputs") or 0) >= 2 if classes else low not in (0.0, 1.0, -1.0) or varied or scored:
        name, sure = (class_name(first, int(low)), 0.9) if classes else (f"{low:g}", 0.8)
        message = f"all {count:g} training targets are {name}: the net can answer without its input"
        yield Finding(message, first.get("site"), 0, 0.0, 0.0, place, confidence=sure)


def _varies(target: Record) -> bool:
    return (number(target, "max") or 0.0) > (number(target, "min") or 0.0)


def _ignored(target: Record, losses: Facts | None) -> bool:
    """Whether the loss at that line is not the one that trains, or one of several that do."""
    own = [x for x in losses or () if x.get("phase") == "train" and x.get("feeds_backward") is not False]
    return any(x.get("site") != target.get("site") and x.get("function") != own[0].get("function") for x in own)


def _weighted(target: Record, losses: Facts | None) -> bool:
    """Each sample has a weight of its own, as the actions that an agent chose have."""
    return any(x.get("reduction") == "none" for x in losses or () if x.get("site") == target.get("site"))


def _stands_still(target: Record, predicted: LayerSeries | None) -> bool:
    """Predictions are all the same as well since the targets are: nothing new comes in at all."""
    site = str(target.get("site"))
    one = predicted[site] if predicted is not None and site in predicted else Series.of([])
    now = between(one, number(target, "constant_since") or 0.0, np.inf).values
    before = between(one, 0, number(target, "varied_until") or 0.0).values
    return len(now) > 0 and len(before) > 0 and float(now.max()) <= 1e-6 * float(np.median(before))


def _late(target: Record, now: Constant, loss: LayerSeries | None, place: Location | None) -> Finding:
    """Since when, and what the targets were before and are now."""
    step = onset(list((loss or {}).values()), now.varied, now.since)
    when = f"a step between {now.varied + 1:,} and {now.since:,}"
    if step is not None:
        when = f"{'' if step == now.since else 'about '}step {step:,}"
    before = f"varied by {now.spread:.3g} (std)"
    if now.shares:
        classes, own = sum(s > 0 for s in now.shares), now.shares[int(now.value)]
        before = f"were of {classes} classes, {own:.0%} of them {now.value:g}"
    message = f"from {when} on all {now.samples:,} training targets seen are {now.value:g}; before, they {before}"
    evidence = {"shares_before": now.shares[:100], "varied_until": now.varied, "constant_since": now.since}
    return Finding(message, target.get("site"), step or now.since, 1.0, None, place, evidence, confidence=0.9)
