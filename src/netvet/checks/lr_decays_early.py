"""A learning rate that is gone while the loss still falls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Location, check, location_of
from netvet.stats import number

_CAUSES = (
    "misstepped-scheduler",
)  # fmt: skip


@check(
    stage="fit",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="steps at a useful rate [share]",
    explained_by=_CAUSES,
    fixes={
        "slower-decay": "Let the schedule end with the run: give it the total number of steps.",
    },
)
def lr_decays_early(
    lr: LayerSeries,
    loss: LayerSeries,
    schedulers: Facts | None = None,
    *,
    low: float = 0.05,  # catalogue: of the peak rate
    share: float = 0.5,  # of the run spent there; a cosine over the whole run spends 14 % there
    fall: float = 0.05,  # of the loss, over the last stretch at a high rate
    sigmas: float = 3.0,
) -> Iterator[Finding]:
    """The learning rate is next to nothing early in the run, although the loss was still falling.

    ## Why it matters
    What the rate no longer moves is lost: the rest of the run costs time and learns next to nothing.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> rates = LayerSeries.of(**{"SGD/0": [0.1 * 0.8**i for i in range(100)]})
    >>> falling = LayerSeries.of(**{"train.py:45": [2.3 - 0.05 * min(i, 14) for i in range(100)]})
    >>> lr_decays_early(rates, falling)[0].message
    'the learning rate fell below 5% of its peak at step 14 of 99, while the loss still fell (2.15 to 1.77)'

    ## Known problems
    A cosine or step schedule over the whole run, and one that is lowered on a plateau of the loss, are silent.

    ## References
    Catalogue of netvet: rate under 5 % of its peak at the last stretch where the loss fell.
    """
    if len(loss) != 1:
        return
    one = next(iter(loss.values())).finite()
    for group, rates in lr.items():
        if len(rates) < 8 or not np.isfinite(rates.values).all() or rates.values.max() <= 0:
            continue
        peak = int(rates.values.argmax())
        high = np.flatnonzero(rates.values >= low * rates.values[peak])
        first, last = int(rates.steps[0]), int(rates.steps[-1])
        since = int(rates.steps[min(int(high[-1]) + 1, len(rates) - 1)])
        if last - since < share * (last - first):
            continue
        begin = int(rates.steps[peak])
        before = one.values[(one.steps >= begin) & (one.steps <= since)]
        half = len(before) // 2
        if half < 3:
            continue
        early, end, after = before[:half], before[half:], one.values[one.steps > since]
        error = float(np.hypot(early.std(), end.std()) / np.sqrt(half))
        fell = float(early.mean() - end.mean())
        # What falls on all the same has lost nothing.
        if fell <= max(fall * abs(float(early.mean())), sigmas * error) or len(after) < 3:
            continue
        if float(np.median(after[-max(3, len(after) // 10) :])) < float(end.mean()) - 3 * abs(fell):
            continue
        message = f"the learning rate fell below {low:.0%} of its peak at step {since} of {last}, while the loss still "
        message += f"fell ({early.mean():.3g} to {end.mean():.3g})"
        used = (since - first) / (last - first)
        yield Finding(message, group, since, used, 1 - share, _place(schedulers), confidence=0.7)
        return


def _place(schedulers: Facts | None) -> Location | None:
    """Where the only scheduler that drives the rate was made."""
    driving = [s for s in schedulers or () if number(s, "steps")]
    return location_of(driving[0]) if len(driving) == 1 else None
