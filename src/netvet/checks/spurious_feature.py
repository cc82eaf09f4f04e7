"""What is no content and predicts the class."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="skill of the attribute alone [share]",
    fixes={
        "same-for-all": "Bring all samples to one size, format and border, whatever their class.",
        "stratify": "Collect each class from all sources; hold out a source to see what is learned of it.",
    },
)
def spurious_feature(
    spurious_features: Facts,
    *,
    skill: float = 0.5,  # of telling the classes by it, between a guess and always right
    certain: float = 0.9,  # from here on more than what brightness or length tell of most classes
) -> Iterator[Finding]:
    """How a sample was stored or taken predicts its class.

    ## Why it matters
    A net takes the easiest way: the border, the resolution, the sample rate of the source of a class. It scores well on
    all data from these sources, and fails on others.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"split": "train", "attribute": "width", "skill": 0.97, "permuted": 0.04, "container": True}
    >>> spurious_feature(Facts.of({**seen, "typical": {"cat": 640.0, "dog": 512.0}}))[0].message
    'width alone predicts the class (skill 0.97, shuffled classes 0.04): cat 640, dog 512 (medians)'

    ## Known problems
    Brightness, size in bytes and length may be what the classes are about (night, rain, long texts): these are notes.

    ## References
    Geirhos et al., Shortcut learning in deep neural networks, arXiv:2004.07780.
    """
    for record in spurious_features:
        own, permuted = number(record, "skill"), number(record, "permuted") or 0.0
        if own is None or own < 2 * permuted:
            continue
        sure = record.get("container") is True and own >= skill
        severity: Severity = "warning" if sure else "note"
        if not sure and own < (skill if record.get("container") else certain):
            continue
        typical = ", ".join(f"{name} {value:g}" for name, value in list((record.get("typical") or {}).items())[:4])
        name = str(record.get("attribute"))
        message = (
            f"{name} alone predicts the class (skill {own:.2g}, shuffled classes {permuted:.2g}): {typical} (medians)"
        )
        evidence = {"typical": record.get("typical"), "samples": record.get("samples")}
        confidence = 0.8 if sure else 0.4
        yield Finding(message, name, None, own, permuted, None, evidence, severity=severity, confidence=confidence)
