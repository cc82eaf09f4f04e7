"""Augmentation after which the label is not true any more."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={"drop-transform": "Leave out the transform that turns one class into another, or let the label follow it."},
    experiments=("augmentation",),
)
def label_breaking_augmentation(experiments: Facts) -> Iterator[Finding]:
    """Augmentation makes one class out of another and keeps the label, or mirrors pictures without their masks.

    ## Why it matters
    The net is told that a left arrow is a right one, half of the time: these classes cannot be learned, whatever the
    net, and all others look fine.

    ## Example
    >>> from netvet.core import Facts
    >>> told = {"experiment": "augmentation", "verdict": "failed", "message": "augmentation swaps labels"}
    >>> swaps = told | {"suspects": ["label-breaking-augmentation"]}
    >>> label_breaking_augmentation(Facts.of(swaps))[0].message
    'augmentation swaps labels'

    ## Known problems
    Needs `netvet recipe`, whose experiment [augmentation](../experiments/augmentation.md) reads samples again and
    trains on clean and on augmented ones. Named only where both classes are taken for each other: a crop that makes an
    F of an E, or a target of coordinates that stays where it was, is not seen.

    ## References
    Simard et al., Best Practices for Convolutional Neural Networks, ICDAR 2003. Shorten and Khoshgoftaar, A survey on
    Image Data Augmentation for Deep Learning (2019): safety of a transform.
    """
    for record in experiments.where(experiment="augmentation", verdict="failed"):
        if "label-breaking-augmentation" in (record.get("suspects") or ()):
            pairs = (record.get("evidence") or {}).get("pairs") or []
            yield Finding(str(record["message"]), confidence=0.9, evidence={"pairs": pairs})
