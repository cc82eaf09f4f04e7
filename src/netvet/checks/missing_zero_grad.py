"""Gradients that pile up from step to step."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="intervals without a clearing [share]",
    fixes={"zero-grad": "Call optimizer.zero_grad() once for each step, before backward."},
)
def missing_zero_grad(
    gradient_resets: Facts,
    events: Facts | None = None,
    *,
    patience: int = 3,  # catalogue: three steps rule out a single odd step
    share: float = 0.5,  # of the intervals; a script that clears now and then still steps on stale gradients
) -> Iterator[Finding]:
    """The optimizer steps on gradients that still contain those of earlier steps.

    ## Why it matters
    backward adds to the gradients that are there. Without clearing, every step follows the sum of all gradients since
    the start: the step grows and points at the past. Loss curves look like a learning rate that is too high, or, with
    a small rate, even good for a while.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"optimizer": "Adam", "intervals": 299, "not_reset": 299, "first_step": 1})
    >>> missing_zero_grad(sick)[0].message
    'the gradients of Adam were not cleared in 299 of 299 intervals between its steps: each step adds up earlier ones'

    ## Known problems
    Accumulating several backward calls for one step is fine, as is clearing anywhere between a step and the next
    backward, by the model, by hand or by another optimizer, and gradients that pile up in the discriminator of a GAN
    while the generator trains, as long as they are gone before its own step.

    ## References
    Measured on the digits: Adam 0.50 in place of 0.93; SGD 0.1 at chance; SGD 0.01 better than healthy SGD at first.
    """
    for record in gradient_resets:
        stale, intervals = number(record, "not_reset"), number(record, "intervals")
        if stale is None or not intervals or stale < patience:
            continue
        when, part = "", stale / intervals
        since = number(record, "intervals_since")
        if part < share and since:  # a second phase of the training counts by itself
            when, intervals, part = f" since step {record.get('first_step')}", since, stale / since
        if part < share:
            continue
        name = record.get("optimizer")
        message = (
            f"the gradients of {name} were not cleared in {stale:g} of {intervals:g} intervals between its "
            f"steps{when}: each step adds up earlier ones"
        )
        # A second phase steps at a line of its own.
        # A call that clears at the wrong time is to be moved; without one, it is missing beside the step.
        own = [e for e in events or () if e.get("kind") == "zero_grad" and e.get("target") == str(name).split("#")[0]]
        called = location_of(own[0]) if own else None
        place = location_of(record) if when else called or location_of(record, "uncalled", "")
        yield Finding(message, name, record.get("first_step"), part, share, place, confidence=1.0)
