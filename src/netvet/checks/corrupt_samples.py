"""Samples that cannot be read, or that hold nothing."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check
from netvet.stats import number

# What no loader gets past: it stops, or waits for ever.
_FATAL = {
    "empty": "empty", "truncated": "truncated", "damaged": "damaged", "unreadable": "unreadable",
    "not an image": "no images", "not audio": "no audio", "too large": "too large to decode",
    "not a file": "pipes, devices or sockets", "link loop": "links in a loop", "dangling link": "links to nothing",
    "missing file": "in the list of labels and not there",
}  # fmt: skip
# What a loader passes over or reads without a word, and one may not expect.
_REMARKS = ("foreign file", "odd name", "no class", "no label", "folder", "linked folder")


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.2",
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
    >>> bad = {"split": "train", "what": "truncated", "count": 3, "samples": 997, "examples": ["7.jpg"] * 3}
    >>> corrupt_samples(Facts.of(bad))[0].message
    '3 of 1,000 samples of train are truncated: 7.jpg, 7.jpg, 7.jpg'

    ## Known problems
    Masks and depth maps are blank where nothing is to be seen. Links that lead out of the folder are told and not
    read, though a loader would follow them.

    ## References
    Pillow, decompression bombs and truncated images; PyTorch, DataLoader: an exception in a worker ends the epoch.
    """
    for record in data_problems:
        count, seen, what = number(record, "count"), number(record, "samples"), str(record.get("what"))
        if not count or seen is None:
            continue
        split = str(record.get("split"))
        total = seen + sum(_lost(other) for other in data_problems.where(split=record.get("split")))
        severity: Severity = "error" if what in _FATAL else "note" if what in _REMARKS else "warning"
        if what == "blank" and count < handful and count < share * total:
            severity = "note"
        evidence = {"what": what, "examples": list(record.get("examples") or ())[:10]}
        message, part = _message(what, count, total, record), min(1.0, count / max(total, 1))
        yield Finding(message, split, None, part, 0.0, None, evidence, severity=severity, confidence=1.0)


def _lost(record: Record) -> float:
    """Samples that a record takes from those that can be used."""
    return (number(record, "count") or 0.0) if record.get("what") in _FATAL else 0.0


def _message(what: str, count: float, total: float, record: Record) -> str:
    names = [str(name) for name in record.get("examples") or ()]
    shown = names[: 1 if count == 1 else 3]
    more = int(count) - len(shown)
    which = ", ".join(shown) + (f" and {more:,} more" if more else "")
    if what not in (*_FATAL, "blank"):
        return f"{what} in {record.get('split')}: {which}: {record.get('message')}"
    be = "is" if count == 1 else "are"
    told = f"{count:,.0f} of {total:,.0f} samples of {record.get('split')} {be} {_FATAL.get(what, what)}"
    return f"{told}: {which}" if shown else told
