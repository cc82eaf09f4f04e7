"""Training samples that occur again and again."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, shown
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="samples that are copies [share]",
    fixes={
        "drop-duplicates": "Drop exact copies before splitting; weight samples that should count more on purpose.",
        "drop-suspects": "Equal inputs with several targets: leave them out, or look up which target is right.",
    },
)
def duplicate_samples(
    samples: Facts,
    inputs: Facts | None = None,
    near_duplicates: Facts | None = None,
    *,
    share: float = 0.01,  # catalogue
    many: float = 0.05,  # from here on a warning: more than curated data sets have
    width: int = 16,  # values per sample; shorter ones are equal by chance
    narrow: int = 4,  # values per sample that suffice where they are measured, and the copies have the same target
    measured: int = 100,  # different values in the inputs of one batch
) -> Iterator[Finding]:
    """Many training samples are copies of others, exactly or nearly.

    ## Why it matters
    Copies count several times in the loss, make a data set look larger than it is, and end up on both sides of a
    random split, where they raise the score.

    ## Example
    >>> from netvet.core import Facts
    >>> duplicate_samples(Facts.of({"train_seen": 1000, "duplicates": 300, "granular": 64}))[0].message
    '300 of 1000 training samples (30%) are exact copies of others, so the data hold only 700 different samples'

    ## Known problems
    Tokens, binary and short inputs are equal by chance; sampling with replacement repeats samples on purpose. Both are
    silent: an audit compares with how many samples agree in all values but one. Copying the rare class is a way to
    balance the classes: legal after the split. Images that only may be near copies are listed by
    `netvet data ... --find "possible near duplicate"`, the nearest first, and are a note at most.

    ## References
    Lee et al., Deduplicating Training Data Makes Language Models Better, arXiv:2107.06499; cleanlab, near duplicates.
    """
    discrete = any(_discrete(i) for i in inputs or () if i.get("phase") != "eval")
    for record in samples[:1]:
        copies, seen, values = number(record, "duplicates"), number(record, "train_seen"), number(record, "granular")
        chance = record.get("by_chance")  # an audit has measured it
        if not copies or not seen or seen < 50 or (chance is None and copies / seen <= share):
            continue
        fine = all((number(i, "distinct") or 0) >= measured for i in inputs or () if i.get("phase") != "eval")
        least = narrow if inputs and fine and record.get("conflicting") == 0 else width
        if chance or (chance is None and (discrete or values is None or values < least)):
            continue
        part = copies / seen
        message = (
            f"{copies:g} of {seen:g} training samples ({shown(part)}) are exact copies of others, "
            f"so the data hold only {seen - copies:g} different samples"
        )
        clash = number(record, "conflicting")
        if clash:
            message += f"; {clash:g} inputs have several targets"
        severity: Severity = "warning" if part > many else "note"
        evidence = {"examples": list(record.get("duplicate_keys") or record.get("duplicate_examples") or ())[:10]}
        yield Finding(message, "training data", None, part, share, None, evidence, severity=severity, confidence=0.8)
    for record in near_duplicates or ():
        if record.get("other") is None and (record.get("samples") or record.get("possible")):
            yield _near(record, many)


def _near(record: Record, many: float) -> Finding:
    part, split, samples = number(record, "share") or 0.0, str(record.get("split")), record.get("samples")
    more = number(record, "possible")
    if samples:
        message = (
            f"{samples} of {record.get('total')} samples of {split} ({shown(part)}) are all but equal to another one "
            f"there (noise, compression, a shift, some words): they count as several and say the same"
        )
        message += f"; {more:g} more may be" if more else ""
    else:
        message = f"{more:g} of {record.get('total')} samples of {split} may be all but equal to another one there"
    rows = record.get("kind") in ("table", "tensor")  # houses of one builder, moments of one recording: natural
    severity: Severity = "warning" if part > many and record.get("role") == "train" and not rows else "note"
    evidence = {"examples": list(record.get("examples") or record.get("possible_examples") or ())[:10]}
    confidence = 0.6 if samples else 0.3
    return Finding(message, split, None, part, many, None, evidence, severity=severity, confidence=confidence)


def _discrete(record: Record) -> bool:
    """Tokens, or values from so few that samples meet by chance."""
    tokens = str(record.get("dtype")).removeprefix("torch.").startswith(("int", "uint", "bool"))
    distinct = number(record, "distinct")
    return tokens or (distinct is not None and distinct <= 3)
