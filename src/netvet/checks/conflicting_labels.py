"""Equal inputs with different targets."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, shown
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="samples [share]",
    fixes={
        "drop-suspects": "Look at the examples side by side: keep the right target, drop the others.",
        "add-feature": "Where both targets are right, the inputs lack what tells them apart: add that feature.",
    },
)
def conflicting_labels(
    conflicts: Facts,
    *,
    near: float = 0.01,  # share of the samples up to which near ones with different targets are borderline cases
) -> Iterator[Finding]:
    """The same input occurs with different labels, or with targets that differ by more than noise.

    ## Why it matters
    No model can get both right: such samples bound the score from above, and training on them teaches to memorise or to
    doubt.

    ## Example
    >>> from netvet.core import Facts
    >>> record = {"kind": "equal", "task": "classification", "groups": 3, "samples": 6, "total": 600, "share": 0.01}
    >>> conflicting_labels(Facts.of(record))[0].message
    '6 of 600 samples (1%) have an equal input with another label (3 different inputs): no model gets all of them right'

    ## Known problems
    Inputs of few discrete features meet by chance, with whatever labels: a note. Near inputs on both sides of a class
    border are natural: up to 1% a note. Several labels of one sample on purpose (soft labels, several annotators) look
    the same. Numbers to be predicted count where they differ by more than those of nearest neighbours do.

    ## References
    Northcutt, Athalye and Mueller, Pervasive label errors in test sets, arXiv:2103.14749; deepchecks, Conflicting
    Labels.
    """
    for record in conflicts:
        part, kind = number(record, "share") or 0.0, str(record.get("kind"))
        if not number(record, "samples"):
            continue
        severity: Severity = "warning"
        if record.get("by_chance") or (kind == "near" and part <= near):
            severity = "note"
        evidence = {"examples": list(record.get("examples") or ())[:10], "groups": record.get("groups")}
        sure = 0.6 if kind == "near" or record.get("by_chance") else 0.9
        limit = near if kind == "near" else 0.0
        message = _message(record, part)
        yield Finding(message, "data", None, part, limit, None, evidence, severity=severity, confidence=sure)


def _message(record: Record, part: float) -> str:
    numbers = record.get("task") == "regression"
    other = "a target that differs by more than that of neighbours does" if numbers else "another label"
    like = "an equal input" if record.get("kind") == "equal" else "a nearly equal input"
    found = (
        f"{record['samples']} of {record.get('total')} samples ({shown(part)}) have {like} with {other} "
        f"({record.get('groups')} different {'input' if record.get('groups') == 1 else 'inputs'})"
    )
    if record.get("by_chance"):
        return f"{found}; the features take so few values that this is natural, and bounds the score"
    return f"{found}: no model gets all of them right" if record.get("kind") == "equal" else f"{found}: which is right?"
