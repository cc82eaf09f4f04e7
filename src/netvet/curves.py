"""What the curves of a log prove by themselves, where neither the criterion nor the model is known.

Each function gives a message, the step since when, and the number behind it; None where the curves leave it open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netvet.changes import guessing
from netvet.core import Facts, LayerSeries, Series
from netvet.stats import noise, number

Told = tuple[str, int, float]
Values = npt.NDArray[np.float64]
# Values of a curve that has shown its level: of epochs, each a mean over many steps, and of single steps.
EPOCHS, STEPS = 10, 20
# A loss is that of a guess within this share: untrained nets of 2 to 10 classes that stay so end within 0.4 %. Where
# the number of classes is known, no other level can be mistaken for it.
NEAR, NEAR_KNOWN = 0.005, 0.02
# From ln 11 on so many integers have their logarithm near any number that nearness says nothing.
MOST_CLASSES = 10
# A constant answer costs the entropy of the shares; the mean over an epoch is a little above while it is being learned.
ENTROPY = (0.95, 1.1)
# What was learned is lost: at the end twice the best loss and most of the first one, which the best had left behind.
LOST, OF_FIRST, LEARNED = 2.0, 0.7, 0.7
# Values that show that; and that are enough without a validation.
FEW, ENOUGH = 8, 12
# A loss that was so many times its first value has left it for other reasons than the noise of batches.
FAR = 3.0


def is_supervised(log: Facts | None) -> bool:
    """A log of one loss with a validation or an accuracy: no game, no reward."""
    return any(r.get("kind") == "supervised" for r in log or ())


def uninformed(
    log: Facts | None,
    loss: LayerSeries,
    val_loss: LayerSeries | None,
    train_accuracy: LayerSeries | None,
    val_accuracy: LayerSeries | None,
) -> Told | None:
    """The net does no better than a guess, or does not change at all."""
    if not log:
        return None
    pairs = ((loss, train_accuracy), (val_loss, val_accuracy))
    told = next((found for pair in pairs if (found := guessing(*pair) or one_answer(*pair))), None)
    if told or not is_supervised(log):
        return told
    return at_chance(log, loss, val_loss, train_accuracy or val_accuracy) or unmoved(val_loss, loss)


def one_answer(loss: LayerSeries | None, accuracy: LayerSeries | None) -> Told | None:
    """The accuracy is one number from the first epochs on, and the loss that of giving every sample the same odds.

    With one of two classes right in a share p of the cases, a constant answer costs the entropy of p and 1 - p; a net
    that tells samples apart costs less, even where its first choice is always the same.
    """
    one, right = _sole(loss), _sole(accuracy)
    if one is None or right is None or len(right) < EPOCHS or len(one) < EPOCHS:
        return None
    share = float(right.values[-1])
    away = np.flatnonzero(right.values != share)
    since = int(away[-1]) + 1 if len(away) else 0
    settled = one.values[int(0.4 * len(one)) :]
    level = float(np.median(settled))
    if not 0.5 < share < 1 or since > 0.1 * len(right) or float(np.ptp(settled)) > 0.1 * level:
        return None
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    if not ENTROPY[0] * entropy <= level <= ENTROPY[1] * entropy:
        return None
    message = f"the accuracy is {share:.1%} at every {right.unit} since {int(right.steps[since])}, and the loss of "
    message += f"{level:.3g} that of giving every sample the same odds ({entropy:.3g}): one class is always predicted"
    return message, int(right.steps[since]), share


def at_chance(log: Facts, loss: LayerSeries, val_loss: LayerSeries | None, accuracy: LayerSeries | None) -> Told | None:
    """Training and validation loss stay at the logarithm of the number of classes from the first value to the last."""
    one, held = _sole(loss), _sole(val_loss)
    known = next((k for r in log if (k := number(r, "classes"))), None)
    if one is None or accuracy or len(one) < (EPOCHS if one.unit == "epoch" else STEPS):
        return None
    levels = _levels(one.values)
    level = float(np.median(levels))
    count = known or (round(math.exp(level)) if 0 < level < math.log(MOST_CLASSES + 0.5) else 0)
    if count < 2 or (not known and (held is None or len(held) < 4)):
        return None
    chance, near = math.log(count), NEAR_KNOWN if known else NEAR
    every = [levels] if known or held is None else [levels, held.values]
    if any(abs(float(np.median(v)) / chance - 1) > near or np.abs(v / chance - 1).max() > 3 * near for v in every):
        return None
    message = f"the loss stays at {level:.4g} from {one.unit} {int(one.steps[0])} to {int(one.steps[-1])}, and ln "
    message += f"{count:g} = {chance:.4g} is what a guess among {count:g} equally frequent classes costs"
    return message + ("" if known else " (if it is a cross-entropy)"), int(one.steps[0]), level


def unmoved(val_loss: LayerSeries | None, loss: LayerSeries) -> Told | None:
    """Every evaluation gave the same number, to the last digit: no weight that it depends on has changed.

    Where the training loss falls, some do: then the number was carried along from one evaluation to the next records.
    """
    held, one = _sole(val_loss), _sole(loss)
    if held is None or one is None or min(len(held), len(one)) < EPOCHS or np.ptp(held.values):
        return None
    third = len(one) // 3
    fall = float(one.values[:third].mean() - one.values[-third:].mean())
    if not np.ptp(one.values) or fall > 2 * noise(one.values) / math.sqrt(third / 2):
        return None
    value = float(held.values[0])
    digits = f"{abs(value):.12g}".partition("e")[0].replace(".", "").strip("0")
    if len(digits) < 3 or not value:  # of fewer digits a small change may not be seen
        return None
    message = f"the validation loss is {value:.6g} at all {len(held)} evaluations, to the last digit: what it depends "
    return message + "on does not change in training", int(held.steps[0]), value


@dataclass(frozen=True, slots=True)
class Lost:
    """What was learned, and is lost.

    Attributes:
        first, best, end: losses. at: step of the best. since: step from which it is far above that.
    """

    first: float
    best: float
    end: float
    at: int
    since: int

    @property
    def message(self) -> str:
        """In words."""
        return f"the loss had come down from {self.first:.3g} to {self.best:.3g}, and is {self.end:.3g} at the end"


def lost(one: Series) -> Lost | None:
    """A loss that had fallen, is back near its first value, and stays there; None otherwise."""
    kept, values = one.finite(), one.finite().values
    if len(values) < FEW or values.min() <= 0:
        return None
    width = max(3, len(values) // 20)
    levels = np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1)
    best, first = int(levels.argmin()), float(np.median(values[:1]))
    tail = values[-max(3, len(values) // 5) :]
    end, low = float(np.median(tail)), float(levels[best])
    learned = low <= LEARNED * first and best <= 0.8 * len(levels)
    if not learned or end < max(LOST * low, OF_FIRST * first) or float(tail.min()) < 0.8 * LOST * low:
        return None
    high = np.flatnonzero(values <= 0.5 * (low + end))
    since = min(int(high[-1]) + 1, len(values) - 1)
    return Lost(first, low, end, int(kept.steps[best + width // 2]), int(kept.steps[since]))


def lost_again(loss: LayerSeries, val_loss: LayerSeries | None = None) -> Told | None:
    """What was learned is lost; of a few values only where the validation says the same."""
    one, held = _sole(loss), _sole(val_loss)
    gone = lost(one) if one is not None else None
    if gone is None or one is None or (len(one) < ENOUGH and (held is None or lost(held) is None)):
        return None
    return f"{gone.message}: what was learned is lost since {one.unit} {gone.since}", gone.since, gone.end


def never_better(loss: LayerSeries) -> Told | None:
    """The first value is the best of all, and the loss rose to a multiple of it on the way."""
    kept = _sole(loss)
    if kept is None or len(kept) < 8 or kept.values[0] <= 0:
        return None
    first, rest = float(kept.values[0]), kept.values[1:]
    end = float(np.median(rest[-max(3, len(rest) // 10) :]))
    if rest.min() < 0.98 * first or rest.max() < FAR * first:
        return None
    message = f"the loss never came below its first value of {first:.3g}: it rose to {rest.max():.3g} and is "
    return message + f"{end:.3g} at the end", int(kept.steps[1]), end


def raised_rate(log: Facts | None, loss: LayerSeries, rises: Facts | None) -> Told | None:
    """The learning rate rose at once, and with it the loss, for ever: the third is how many times the rate rose."""
    one = _sole(loss)
    gone = lost(one) if one is not None and rises and is_supervised(log) else None
    if gone is None or one is None or len(one) < ENOUGH:
        return None
    reach = 3 * float(np.median(np.diff(one.steps)))  # an average lags by a record or two
    for rise in rises or ():
        step, before, after = (number(rise, k) for k in ("step", "before", "after"))
        if step is None or not before or not after or not gone.at <= step <= gone.since + reach:
            continue
        if gone.since - step <= reach:
            message = f"the learning rate rose from {before:.3g} to {after:.3g} at {one.unit} {step:g}: {gone.message}"
            return message, gone.since, after / before
    return None


def below_zero(log: Facts | None, loss: LayerSeries | None, accuracy: LayerSeries | None) -> Told | None:
    """A classifier whose loss falls without end below zero and whose accuracy does not rise: the sign is wrong."""
    one, right = _sole(loss), _sole(accuracy)
    if not is_supervised(log) or one is None or right is None or len(one) < 8 or len(right) < 4:
        return None
    start, end = float(one.values[0]), float(np.median(one.values[-3:]))
    early, late = float(right.values[0]), float(np.median(right.values[-3:]))
    if end >= -1 or end >= start - 1 - 2 * abs(start) or late >= 0.5 or late > early + 0.05:
        return None
    message = f"the loss falls without end below zero, from {start:.3g} to {end:.3g}, while the accuracy is {late:.1%} "
    return message + f"after {early:.1%}: the lower the loss, the worse the predictions", int(one.steps[0]), end


def worse_again(retrained: Facts | None) -> Told | None:
    """A training that was taken up again far above the loss that it had at the same steps before."""
    for again in retrained or ():
        step, before, after, first = (number(again, k) for k in ("step", "before", "after", "first"))
        if step is None or before is None or after is None or first is None or before <= 0:
            continue
        if after > LOST * before and after - before > 0.3 * (first - before) > 0:
            message = f"training was taken up again at step {step:g}, where the loss had been {before:.3g}, with "
            message += f"{after:.3g}, while it began with {first:.3g}: not all of the state was restored"
            return message, int(step), after
    return None


def _sole(series: Mapping[str, Series] | None) -> Series | None:
    """The finite values of the only series."""
    return next(iter(series.values())).finite() if series and len(series) == 1 else None


def _levels(values: Values) -> Values:
    """Means of ten parts: single batches differ, and their mean less."""
    return np.array([part.mean() for part in np.array_split(values, min(10, len(values)))])
