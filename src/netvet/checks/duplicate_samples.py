"""Training samples that occur again and again."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    fixes={
        "drop-duplicates": "Drop exact copies before splitting; weight samples that should count more on purpose.",
        "drop-suspects": "Equal inputs with several targets: leave them out, or look up which target is right.",
    },
)
def duplicate_samples(
    samples: Facts,
    inputs: Facts | None = None,
    *,
    share: float = 0.01,  # catalogue
    many: float = 0.05,  # from here on a warning: more than curated data sets have
    width: int = 16,  # values per sample; shorter ones are equal by chance
    narrow: int = 4,  # values per sample that suffice where they are measured, and the copies have the same target
    measured: int = 100,  # different values in the inputs of one batch
) -> Iterator[Finding]:
    """Many training samples are exact copies of others.

    ## Why it matters
    Copies count several times in the loss, make a data set look larger than it is, and end up on both sides of a
    random split, where they raise the score.

    ## Example
    >>> from netvet.core import Facts
    >>> duplicate_samples(Facts.of({"train_seen": 1000, "duplicates": 300, "granular": 64}))[0].message
    '300 of 1000 training samples (30%) are exact copies of others, so the data hold only 700 different samples'

    ## Known problems
    Tokens, binary and short inputs are equal by chance; sampling with replacement repeats samples on purpose. Both are
    silent. Copying the rare class is a way to balance the classes: legal after the split.

    ## References
    Lee et al., Deduplicating Training Data Makes Language Models Better, arXiv:2107.06499; cleanlab, near duplicates.
    """
    if any(_discrete(i) for i in inputs or () if i.get("phase") != "eval"):
        return
    for record in samples:
        copies, seen, values = number(record, "duplicates"), number(record, "train_seen"), number(record, "granular")
        if not copies or not seen or values is None or copies / seen <= share or seen < 50:
            continue
        fine = all((number(i, "distinct") or 0) >= measured for i in inputs or () if i.get("phase") != "eval")
        if values < (narrow if inputs and fine and record.get("conflicting") == 0 else width):
            continue
        part = copies / seen
        message = (
            f"{copies:g} of {seen:g} training samples ({part:.0%}) are exact copies of others, "
            f"so the data hold only {seen - copies:g} different samples"
        )
        clash = number(record, "conflicting")
        if clash:
            message += f"; {clash:g} inputs have several targets"
        severity: Severity = "warning" if part > many else "note"
        evidence = {"examples": list(record.get("duplicate_examples") or ())[:10]}
        yield Finding(message, "training data", None, part, share, None, evidence, severity=severity, confidence=0.8)


def _discrete(record: Record) -> bool:
    """Tokens, or values from so few that samples meet by chance."""
    tokens = str(record.get("dtype")).removeprefix("torch.").startswith(("int", "uint", "bool"))
    distinct = number(record, "distinct")
    return tokens or (distinct is not None and distinct <= 3)
