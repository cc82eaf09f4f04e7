"""Samples that cannot be read, or that hold nothing."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check
from netvet.stats import number

# What no loader gets past: it stops, or waits for ever.
_FATAL = (
    "empty", "truncated", "damaged", "unreadable", "not an image", "not audio", "too large", "not a file",
    "link loop", "dangling link", "missing file",
)  # fmt: skip
# What a loader passes over or reads without a word, and one may not expect.
_REMARKS = ("foreign file", "odd name", "no class", "no label", "listed twice", "folder", "linked folder")


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="samples [share]",
    fixes={
        "drop-corrupt": "Leave the samples named here out, or get them again from where they came.",
        "check-export": "Blank samples: look at the step that wrote them; a failed decoding or crop leaves such.",
    },
)
def corrupt_samples(
    data_problems: Facts,
    *,
    handful: int = 10,  # blank samples; every camera has some
    share: float = 0.01,  # of the samples
) -> Iterator[Finding]:
    """Samples cannot be decoded, are cut short, empty or blank.

    ## Why it matters
    A file that cannot be decoded stops a training when its turn comes, hours from the start; a loader that skips it
    hides how many there are. A blank sample has a label that nothing in it can explain: the net can only learn it by
    heart.

    ## Example
    >>> from netvet.core import Facts
    >>> bad = {"split": "train", "what": "truncated", "count": 3, "samples": 997, "examples": ["7.jpg"]}
    >>> corrupt_samples(Facts.of(bad))[0].message
    '3 of 1,000 samples of train cannot be read: 3 truncated (7.jpg and 2 more)'

    ## Known problems
    Masks and depth maps are blank where nothing is to be seen. Links that lead out of the folder are told and not
    read, though a loader would follow them.

    ## References
    Pillow, decompression bombs and truncated images; PyTorch, DataLoader: an exception in a worker ends the epoch.
    """
    for split in dict.fromkeys(str(r.get("split")) for r in data_problems):
        records = [r for r in data_problems if str(r.get("split")) == split and number(r, "count")]
        total = max((number(r, "samples") or 0.0 for r in records), default=0.0) + _count(_of(records, *_FATAL))
        if fatal := _of(records, *_FATAL):
            kinds = sorted(fatal, key=lambda r: -(number(r, "count") or 0.0))
            told = ", ".join(f"{_count([r]):,.0f} {r.get('what')} ({_names(r, 2)})" for r in kinds)
            yield _finding(
                f"{_count(fatal):,.0f} of {total:,.0f} samples of {split} cannot be read: {told}", fatal, total
            )
        for record in records:
            what = str(record.get("what"))
            if what == "blank":
                few = _count([record]) < handful and _count([record]) < share * total
                message = f"{_count([record]):,.0f} of {total:,.0f} samples of {split} hold nothing but one value"
                yield _finding(f"{message}: {_names(record, 3)}", [record], total, "note" if few else "warning")
            elif what not in _FATAL:
                message = f"{what} in {split}: {_names(record, 3)}: {record.get('message')}"
                yield _finding(message, [record], total, "note" if what in _REMARKS else "warning")


def _of(records: list[Record], *kinds: str) -> list[Record]:
    return [r for r in records if r.get("what") in kinds]


def _count(records: list[Record]) -> float:
    return sum(number(r, "count") or 0.0 for r in records)


def _names(record: Record, most: int) -> str:
    """The first examples and how many more there are."""
    names = [_short(str(name)) for name in record.get("examples") or ()][:most]
    more = int(_count([record])) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")


def _short(name: str) -> str:
    """A name that leaves room for others; the evidence has it whole."""
    return name if len(name) <= 80 else f"{name[:30]}...{name[-47:]}"


def _finding(message: str, records: list[Record], total: float, severity: Severity = "error") -> Finding:
    part = min(1.0, _count(records) / max(total, 1.0))
    evidence = {str(r.get("what")): list(r.get("examples") or ())[:10] for r in records}
    where = str(records[0].get("split"))
    return Finding(message, where, None, part, 0.0, None, evidence, severity=severity, confidence=1.0)
