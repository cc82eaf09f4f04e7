"""Classes that occur in one split only."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, class_name, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="classes [count]",
    explained_by=("label-out-of-range", "constant-target"),
    fixes={"stratify": "Split with stratification by class, or shuffle before splitting."},
)
def missing_class(
    targets: Facts,
    samples: Facts | None = None,
    losses: Facts | None = None,
    metrics: Facts | None = None,
    *,
    expected: float = 10.0,  # samples of the class by its share in the other split: by chance none in e^-10 of splits
) -> Iterator[Finding]:
    """A class of one split does not occur in the other.

    ## Why it matters
    The net cannot learn a class that it never sees, and every such sample of the evaluation is wrong.

    ## Example
    >>> from netvet.core import Facts
    >>> train = {"site": "t.py:9", "phase": "train", "kind": "classes", "outputs": 3, "counts": [300, 300, 0]}
    >>> missing_class(Facts.of(train, {**train, "phase": "eval", "counts": [50, 50, 40]}))[0].message
    'class 2 is in none of 600 training samples, but in 40 of 140 evaluation samples'

    ## Known problems
    Rare classes are absent by chance: the limit grows with the split. Tokens, and runs that ended before the training
    data were seen once, are silent. Open-set evaluation holds unseen classes on purpose.

    ## References
    scikit-learn, train_test_split (stratify); Poisson probability of an empty class, exp(-expected).
    """
    if any(s.get("complete") is False for s in samples or ()):
        return
    usable = [t for t in targets if t.get("kind") == "classes" and t.get("counts")]
    train = [t for t in usable if t.get("phase") == "train"]
    other = [t for t in usable if t.get("phase") != "train"] or _scored(metrics, train)
    if len(train) != 1 or not other or any(t.get("outputs") != train[0].get("outputs") for t in other):
        return
    ours = [c or 0 for c in train[0]["counts"]]
    theirs = [sum(cs) for cs in zip(*([c or 0 for c in t["counts"]] for t in other), strict=False)]
    place = next((location_of(x, "target", "") for x in losses or () if x.get("site") == train[0].get("site")), None)
    sides = (("training", ours, "evaluation", theirs), ("evaluation", theirs, "training", ours))
    for name, counts, against, known in sides:
        wanted = [c * sum(counts) / max(sum(known), 1) for c in known]
        absent = [i for i, (c, w) in enumerate(zip(counts, wanted, strict=False)) if not c and w >= expected]
        if absent and number(train[0], "outputs") != 1:
            classes = ", ".join(class_name(train[0], c) for c in absent[:5]) + (", ..." if len(absent) > 5 else "")
            what = f"class {classes} is" if len(absent) == 1 else f"classes {classes} are"
            have = sum(known[i] for i in absent)
            message = (
                f"{what} in none of {sum(counts):g} {name} samples, but in {have:g} of {sum(known):g} {against} samples"
            )
            severity: Severity = "error" if name == "training" else "warning"
            sure = 0.9 if name == "training" else 0.7
            yield Finding(message, name, None, float(len(absent)), 0.0, place, severity=severity, confidence=sure)
            return


def _scored(metrics: Facts | None, train: list[Record]) -> list[Record]:
    """Where an evaluation computes no loss: the labels that its predictions were compared with."""
    outputs = train[0].get("outputs") if train else None
    found = [m for m in metrics or () if m.get("split") == "val" and m.get("classes_dim") is not None]
    counts = [list(m["target_counts"]) for m in found if m.get("target_counts")]
    padded = [c + [0] * (int(outputs) - len(c)) for c in counts if outputs and len(c) <= int(outputs)]
    return [{"counts": c, "outputs": outputs} for c in padded[:1]]
