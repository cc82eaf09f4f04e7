"""A learning rate that is gone while the loss still falls."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Location, Series, check, location_of
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
    fewest=8,
)
def lr_decays_early(
    lr: LayerSeries,
    loss: LayerSeries,
    schedulers: Facts | None = None,
    log: Facts | None = None,
    *,
    low: float = 0.05,  # catalogue: of the peak rate
    share: float = 0.5,  # of the run spent there; a cosine over the whole run spends 14 % there
    fall: float = 0.05,  # of the loss, over the last stretch at a high rate
    unlearned: float = 0.9,  # of the first loss: in a log with so much left, it has hardly begun to fall
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
        places = _gone(rates, low)
        if places is None or places[3] - places[2] < share * (places[3] - places[0]):
            continue
        first, begin, since, last = places
        before = one.values[(one.steps >= begin) & (one.steps <= since)]
        half = len(before) // 2
        told = f"the learning rate fell below {low:.0%} of its peak at {rates.unit} {since} of {last}"
        used = (since - first) / (last - first)
        if log and (hardly := _unlearned(log, one, unlearned)):
            yield Finding(told + hardly, group, since, used, 1 - share, confidence=0.6)
            return
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
        message = f"{told}, while the loss still fell ({early.mean():.3g} to {end.mean():.3g})"
        yield Finding(message, group, since, used, 1 - share, _place(schedulers), confidence=0.7)
        return


def _gone(rates: Series, low: float) -> tuple[int, int, int, int] | None:
    """First step, that of the peak, that since which the rate stays below this share of it, and the last."""
    if len(rates) < 8 or not np.isfinite(rates.values).all() or rates.values.max() <= 0:
        return None
    peak = int(rates.values.argmax())
    high = np.flatnonzero(rates.values >= low * rates.values[peak])
    since = min(int(high[-1]) + 1, len(rates) - 1)
    return int(rates.steps[0]), int(rates.steps[peak]), int(rates.steps[since]), int(rates.steps[-1])


def _unlearned(log: Facts, loss: Series, left: float) -> str:
    """That a supervised net has learned next to nothing, in words; empty where it has."""
    values = loss.values
    if len(values) < 8 or not any(r.get("kind") == "supervised" for r in log):
        return ""
    start, end = float(values[0]), float(np.median(values[-8:]))
    return f", and the loss hardly fell at all ({start:.3g} to {end:.3g})" if 0 < left * start < end else ""


def _place(schedulers: Facts | None) -> Location | None:
    """Where the only scheduler that drives the rate was made."""
    driving = [s for s in schedulers or () if number(s, "steps")]
    return location_of(driving[0]) if len(driving) == 1 else None
