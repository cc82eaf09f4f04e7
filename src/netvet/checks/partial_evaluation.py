"""A score over only part of the evaluation data."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number

_GRADES: dict[bool, Severity] = {True: "note", False: "warning"}


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="uncertainty of the score [score]",
    fixes={
        "whole-set": "Go through the whole evaluation loader, and return only after the loop.",
        "keep-last": "Set drop_last=False on the evaluation loader.",
        "weigh-batches": "Weigh each batch by its size: add up sums and divide by the number of samples.",
    },
)
def partial_evaluation(
    evaluations: Facts,
    loaders: Facts | None = None,
    *,
    error: float = 0.03,  # half-width of the 95 % interval of an accuracy; less is good enough to steer by
    dropped: float = 0.1,  # share of the evaluation set that drop_last never shows
    difference: float = 0.01,  # between the mean over batches and over samples, relative for a loss
) -> Iterator[Finding]:
    """The score is taken over part of the evaluation data only.

    ## Why it matters
    A return inside the loop, or drop_last on the evaluation loader, turns the score of a data set into the score of a
    few samples of it: it is noisy, and always blind to the same rest.

    ## Example
    >>> from netvet.core import Facts
    >>> sizes = {"batches": 1, "loader_batches": 8, "samples": 64, "loader_samples": 500}
    >>> sick = Facts.of({"model": "Net", "accuracy": 0.9, **sizes})
    >>> partial_evaluation(sick)[0].message
    'only the first of 8 batches is evaluated (64 of 500 samples): the accuracy of 0.9 is known to within 0.073 only'

    ## Known problems
    Quick looks at some batches beside a full evaluation are fine, as is a part that is large enough for a small error
    bar. A loss estimated from several batches is usually a choice: a note. Whether the script averages over batches
    cannot be seen, so a short last batch is a note.

    ## References
    Wald interval, p +- 1.96 sqrt(p (1 - p) / n).
    """
    groups: dict[tuple[Any, Any], list[Record]] = {}
    for e in evaluations:
        groups.setdefault((e.get("model"), e.get("loader")), []).append(e)
    for (_, loader), passes in groups.items():
        found = _part(passes, error) if loader is not None or len(groups) == 1 else None
        found = found or _uneven(passes[-1], difference)
        if found:
            yield found
    for record in loaders or ():
        if record.get("phase") == "eval" and record.get("drop_last") is True:
            yield from _dropped(record, dropped)


def _dropped(record: Record, limit: float) -> Iterator[Finding]:
    """A loader that leaves out the last, short batch at every evaluation."""
    samples, batches, size = (number(record, k) for k in ("samples", "batches", "batch_size"))
    if not samples or not size or batches is None or (lost := 1 - batches * size / samples) <= 0:
        return
    name = record.get("name")
    message = f"drop_last leaves {lost:.1%} of the {samples:g} evaluation samples of {name} out of every score"
    severity: Severity = "note" if lost <= limit else "warning"
    yield Finding(message, name, None, lost, limit, location_of(record), severity=severity, confidence=1.0)


def _part(passes: list[Record], error: float) -> Finding | None:
    """Passes that all stop early; None as soon as one went through the whole loader."""
    last = passes[-1]
    if any((number(e, "batches") or math.inf) >= (number(e, "loader_batches") or 0.0) for e in passes):
        return None
    batches, all_batches, samples, available = (
        number(last, k) or 0.0 for k in ("batches", "loader_batches", "samples", "loader_samples")
    )
    accuracy = number(last, "accuracy")
    p = min(max(accuracy if accuracy is not None else 0.5, 0.02), 0.98)
    width = 1.96 * math.sqrt(p * (1 - p) / max(samples, 1.0))
    which = "the first of" if batches == 1 else f"{batches:g} of"
    score = f"the accuracy of {accuracy:.3g} is" if accuracy is not None else "an accuracy would be"
    what = f"only {which} {all_batches:g} batches {'is' if batches == 1 else 'are'} evaluated"
    message = f"{what} ({samples:g} of {available:g} samples): {score} known to within {width:.2g} only"
    # Estimating a loss from several batches is common practice; an accuracy is read to the last digit.
    small = width <= error or (batches > 1 and accuracy is None)
    where, place, severity = last.get("loader"), location_of(last, "exit", ""), _GRADES[small]
    return Finding(message, where, None, width, error, place, severity=severity, confidence=0.8)


def _uneven(e: Record, difference: float) -> Finding | None:
    """A short last batch that weighs as much as a full one in a mean over batches."""
    for name, scale in (("accuracy", 1.0), ("loss", number(e, "loss") or 1.0)):
        over_samples, over_batches = number(e, name), number(e, f"{name}_of_batch_means")
        if over_samples is None or over_batches is None or abs(over_batches - over_samples) <= difference * abs(scale):
            continue
        message = (
            f"the {name} is {over_samples:.3g} over samples but {over_batches:.3g} as a mean over batches: "
            f"the last batch has {e.get('last_batch')} samples"
        )
        return Finding(
            message, e.get("loader"), None, over_batches - over_samples, difference, location_of(e), severity="note"
        )
    return None
