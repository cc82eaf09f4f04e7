"""Training data from after the held-out data."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="training samples from the future [share]",
    fixes={"split-by-time": "Train on what is older than a date, validate and test on what is newer."},
)
def future_in_train(
    time_order: Facts,
    *,
    intent: float = 0.8,  # mean share of the training data before a held-out sample; by chance 0.5, by time 1
) -> Iterator[Finding]:
    """Training samples are newer than the first held-out sample.

    ## Why it matters
    In use a net only knows the past. Trained on days around those it is scored on, it fills gaps where it should
    forecast, and its score is too good.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"train": "train", "split": "val", "samples": 800, "late": 120, "said": True, "intent": 0.9}
    >>> future_in_train(Facts.of({**seen, "first_shown": "2024-01-01", "last_shown": "2024-03-05"}))[0].message
    '120 of 800 samples of train (up to 2024-03-05) are newer than the first of val (2024-01-01): the future is known'

    ## Known problems
    Only times that the user named, or splits that are nearly in the order of their times, are judged. Samples that do
    not depend on each other may be split at random: then do not name a time.

    ## References
    Kapoor and Narayanan, Leakage and the reproducibility crisis (2023), L3.1: temporal leakage.
    """
    for record in time_order:
        late, samples = number(record, "late"), number(record, "samples")
        said = record.get("said") is True
        if not late or not samples or (not said and (number(record, "intent") or 0.0) < intent):
            continue
        train, split = record.get("train"), str(record.get("split"))
        until, since = record.get("last_shown"), record.get("first_shown")
        message = (
            f"{late:g} of {samples:g} samples of {train} (up to {until}) are newer than the first of {split} ({since})"
            ": the future is known"
        )
        severity: Severity = "error" if said else "warning"
        evidence = {"examples": list(record.get("examples") or ())[:10]}
        sure = 0.9 if said else 0.6
        yield Finding(message, split, None, late / samples, 0.0, None, evidence, severity=severity, confidence=sure)
