"""Augmentation that hides what is to be learned."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="learned part of the score that is lost [share]",
    explained_by=("label-breaking-augmentation",),
    fixes={"augment-less": "Halve the strength of the augmentation, and look at a page of augmented samples."},
    experiments=("augmentation",),
)
def excessive_augmentation(experiments: Facts, *, share: float = 0.3) -> Iterator[Finding]:
    """Augmented samples are so unlike clean ones that a few clean ones teach more than all of them.

    ## Why it matters
    The net learns another task than the one that it is asked about: the training loss stays high, validation is below
    what it could be, and it looks like a lack of capacity or of patience.

    ## Example
    >>> from netvet.core import Facts
    >>> told = {"experiment": "augmentation", "verdict": "failed", "message": "augmentation is too strong"}
    >>> far = told | {"suspects": ["excessive-augmentation"], "evidence": {"lost": 0.5}}
    >>> excessive_augmentation(Facts.of(far))[0].message
    'augmentation is too strong'

    ## Known problems
    Needs `netvet recipe`, whose experiment [augmentation](../experiments/augmentation.md) trains on clean and on
    augmented samples. A loss of accuracy on augmented samples alone is no fault: strong augmentation helps large nets.
    Mixed samples (mixup, CutMix), numbers as targets and augmentation within the model are not assessed.

    ## References
    Cubuk et al., RandAugment (2020), section 4: the best strength depends on the sizes of net and data, and more than
    that harms.
    """
    for record in experiments.where(experiment="augmentation", verdict="failed"):
        evidence = record.get("evidence") or {}
        lost = evidence.get("lost")
        named = "excessive-augmentation" in (record.get("suspects") or ())
        if named and isinstance(lost, (int, float)) and lost > share:
            yield Finding(str(record["message"]), value=float(lost), limit=share, confidence=0.9)
