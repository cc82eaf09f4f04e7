"""How a quantity changes over a run: from which step on it is another, and whether it grows steadily."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netvet.core import LayerSeries, Series
from netvet.stats import number, slope

# Losses before a change that show what is ordinary, and those after it of which most must be something else.
ORDINARY, AFTER, MOST = 300, 10, 7
# What is learned begins to grow at its own pace, so the first part of a run is left out.
SETTLED = 0.25


def between(series: Series, first: float, last: float) -> Series:
    """The finite values at steps from `first` to `last`, both included."""
    one = series.finite()
    among = (one.steps >= first) & (one.steps <= last)
    return Series(one.steps[among], one.values[among])


def onset(losses: Sequence[Series], after: int, until: int) -> int | None:
    """The first step later than `after`, and not later than `until`, from which the only loss is not what it was.

    Returns:
        None where there are several losses, or no step is the first of ten of which most lie outside nearly all before.
    """
    if until <= after + 1 or len(losses) != 1:
        return until if until <= after + 1 else None
    one = losses[0].finite()
    usual = one.values[one.steps <= after][-ORDINARY:]
    if len(usual) < AFTER:
        return None
    low, high = np.quantile(usual, (0.01, 0.99))
    strange = (one.values < low) | (one.values > high)
    for at in np.flatnonzero(strange & (one.steps > after) & (one.steps <= until)):
        if strange[at : at + AFTER].sum() >= min(MOST, until - after):
            return int(one.steps[at])
    return None


@dataclass(frozen=True, slots=True)
class Growth:
    """How a size grows over a run, in its logarithm.

    Attributes:
        first, last: values at the begin and the end.
        rate, error: share per step, and its standard error.
        later: the rate in the second half of the settled part over that in the first half.
        half: growth in the second half of the whole run, as a factor.
    """

    first: float
    last: float
    rate: float
    error: float
    later: float
    half: float


def growth(series: Series, *, fewest: int = 4) -> Growth | None:
    """How a positive size grows, from a few looks at it at unequal distances.

    What is learned slows down: a size that grows as any power of the step grows half as fast (in its logarithm) in the
    second of two stretches of which each begins at half of its end, and one that grows linearly cannot double within
    the second half of a run. What grows by a share of itself does not slow down.

    Returns:
        None where fewer than `fewest` looks lie after the first quarter of the run.
    """
    one = series.finite()
    one = Series(one.steps[one.values > 0], one.values[one.values > 0])
    if len(one) < 2:
        return None
    begin, end = float(one.steps[0]), float(one.steps[-1])
    settled = one.steps >= begin + SETTLED * (end - begin)
    if settled.sum() < fewest:
        return None
    # Of straight lines between the looks: at a quarter, in the middle and at the end of the run.
    at = np.array((begin + SETTLED * (end - begin), begin + (end - begin) / 2, end))
    quarter, half, whole = np.interp(at, one.steps, np.log(one.values))
    early, late = (half - quarter) / (at[1] - at[0]), (whole - half) / (at[2] - at[1])
    return Growth(
        float(one.values[0]),
        float(one.values[-1]),
        *slope(Series(one.steps[settled], np.log(one.values[settled]))),
        later=float(late / early) if early > 0 else np.inf if late > 0 else 0.0,
        half=float(np.exp(whole - half)),
    )


@dataclass(frozen=True, slots=True)
class Constant:
    """Targets that are all one number from some step on.

    Attributes:
        value: the number.
        varied, since: steps of the last batch heard before it, and of the first with that number alone.
        samples: targets heard since.
        spread: by how much the targets of a batch differed before (std, or share outside the commonest class).
        shares: of the classes before; empty where there are none.
    """

    value: float
    varied: int
    since: int
    samples: int
    spread: float
    shares: list[float]


def became_constant(
    target: Mapping[str, Any],
    std: Mapping[str, Series] | None,
    top_share: Mapping[str, Series] | None,
    *,
    chance: float,
) -> Constant | None:
    """Targets that have suddenly become constant, and stay so to the end of what was heard.

    Args:
        target: a record of `targets`.
        chance: probability that so many batches in a row hold that number alone, by how often batches held a single
            one before, beyond which it is chance no more.

    Returns:
        None also where they got there little by little, over the last quarter of the steps before.
    """
    fields = ("constant_value", "varied_until", "constant_since", "constant_samples", "constant_batches")
    found = [number(target, f) for f in (*fields, "batches_before", "constant_before")]
    value, varied, since, samples, batches, before, alike = (f if f is not None else -1.0 for f in found)
    if None in found or ((alike + 1) / (before + 2)) ** batches > chance:
        return None
    site = str(target.get("site"))
    spread = between((std or {}).get(site, Series.of([])), 0, varied)
    if not len(spread):
        one = between((top_share or {}).get(site, Series.of([])), 0, varied)
        spread = Series(one.steps, 1.0 - one.values)
    if not len(spread):
        return None
    usual = float(np.median(spread.values))
    recent = between(spread, 0.75 * float(spread.steps[-1]), np.inf)
    if usual <= 0 or float(np.median(recent.values)) < 0.5 * usual:
        return None
    counts = target.get("counts_before") or []
    shares = [c / sum(counts) for c in counts] if sum(counts) else []
    return Constant(value, int(varied), int(since), int(samples), usual, shares)


# Of a loss at which nothing is known but the shares of the classes; below it a majority may be nearly always right.
GUESSING = 0.6
# Share by which the loss may still move over the last half, and the accuracy be above the guess.
STILL, ABOVE = 0.05, 0.02


def guessing(loss: Mapping[str, Series] | None, accuracy: LayerSeries | None) -> tuple[str, int, float] | None:
    """A loss that has settled where the accuracy is that of a guess: message, since when, and the accuracy.

    A guess among equally likely classes costs -log(1/classes) and is right once in so many times: its accuracy is
    exp(-loss). A net that has learned is right more often than that.
    """
    if not loss or len(loss) != 1 or not accuracy:
        return None
    one, right = next(iter(loss.values())).finite(), next(iter(accuracy.values())).finite().values
    values = one.values
    if len(values) < 8 or len(right) < 4:
        return None
    middle, end = (float(np.median(v)) for v in (values[len(values) // 2 :], values[-max(3, len(values) // 5) :]))
    late, early = float(np.median(right[-max(3, len(right) // 5) :])), float(right[0])
    settled = abs(end - float(values[len(values) // 2])) <= STILL * abs(end) and abs(end - middle) <= STILL * abs(end)
    width = max(3, len(values) // 20)
    levels = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    guess = float(np.exp(-max(levels.min(), 0.0)))  # steps that are too long may keep the loss above that of a guess
    if end < GUESSING or not settled or late > guess * 1.1 + ABOVE or late > max(early, guess) + ABOVE:
        return None
    away = np.flatnonzero(np.abs(levels - end) > 2 * STILL * end)
    since = int(away[-1]) + width // 2 + 1 if len(away) else 0
    gone = values[:since]
    before = end if not len(gone) else float(gone.max() if gone.max() > end else gone.min())
    message = (
        f"the loss went from {before:.3g} to {end:.3g}, and stays there" if since else f"the loss stays at {end:.3g}"
    )
    message += f" since {one.unit} {int(one.steps[since])}, where a guess is right in {guess:.0%} of the cases, "
    return message + f"and so is the net: in {late:.0%}", int(one.steps[since]), late


def beats_majority(accuracy: LayerSeries | None, majority: LayerSeries | None) -> bool:
    """Predictions at the end are right clearly more often than by always saying the commonest class."""
    if accuracy is None or majority is None:
        return False
    for site, one in accuracy.items():
        values, top = one.finite().values, majority.get(site)
        if len(values) < 4 or top is None or not len(top.finite()):
            continue
        tail = values[-max(3, len(values) // 5) :]
        error = float(tail.std() / np.sqrt(len(tail)))
        if float(tail.mean()) > float(np.median(top.finite().values)) + max(0.05, 3 * error):
            return True
    return False
