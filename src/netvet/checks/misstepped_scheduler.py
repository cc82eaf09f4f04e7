"""A learning-rate scheduler that is stepped at the wrong pace, or not at all."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, Record, check, location_of
from netvet.stats import number

# Schedules that are usually written in epochs, and end in a small rate.
_BY_EPOCH = (
    "StepLR", "MultiStepLR", "ExponentialLR", "MultiplicativeLR", "PolynomialLR", "CosineAnnealingLR",
    "ReduceLROnPlateau",
)  # fmt: skip
# Schedules that PyTorch documents as stepped after every batch.
_BY_BATCH = ("OneCycleLR", "CyclicLR")


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    fixes={
        "step-per-epoch": "Move scheduler.step() out of the loop over batches, to the end of the epoch.",
        "step-per-batch": "Move scheduler.step() into the loop over batches, right after optimizer.step().",
        "call-step": "Call scheduler.step(), or remove the scheduler.",
    },
)
def misstepped_scheduler(
    schedulers: Facts,
    lr: LayerSeries | None = None,
    run: Facts | None = None,
    *,
    collapsed: float = 0.01,  # of the peak rate: practically no training any more
    share: float = 0.5,  # of the run spent there
    batches: int = 5,  # per epoch; with fewer an epoch is not much longer than a batch
) -> Iterator[Finding]:
    """The scheduler is stepped per batch where it counts epochs, per epoch where it counts batches, or never.

    ## Why it matters
    A schedule written in epochs but stepped per batch is through after a fraction of the first epoch: the rate falls to
    nothing and training stops. Written in batches but stepped per epoch, it never leaves its beginning.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> steps = Facts.of({"cls": "StepLR", "optimizer": "SGD", "per": "batch", "steps": 60, "steps_per_epoch": 20})
    >>> rates = LayerSeries.of(**{"SGD/0": [0.1 * 0.1 ** (i // 3) for i in range(60)]})
    >>> misstepped_scheduler(steps, rates)[0].message
    'StepLR is stepped after every batch (20 an epoch): the learning rate fell below 1% of its peak at step 9 of 60'

    ## Known problems
    Warm-up, one-cycle and cosine schedules over all steps are stepped per batch rightly; runs cut short see only the
    start of a long schedule; epochs of a few batches leave both readings open. All are silent.

    ## References
    torch.optim.lr_scheduler. Measured on the digits: StepLR(3, 0.1) per batch leaves the loss at 2.306.
    """
    finished = next((r.get("ended") for r in run or ()), "ok") in ("ok", None)
    for one in schedulers:
        found = _never(one, finished) or _too_often(one, lr, collapsed, share, batches) or _too_rarely(one, batches)
        if found:
            message, sure, value = found
            called = location_of({"file": one.get("step_file"), "line": one.get("step_line")})
            place = called or location_of(one)
            yield Finding(message, one.get("optimizer"), None, value, location=place, confidence=sure)


def _never(one: Record, finished: bool) -> tuple[str, float, float] | None:
    made, done, epoch = (number(one, k) for k in ("steps", "optimizer_steps", "steps_per_epoch"))
    if made != 0 or not done or not (finished or (epoch and done >= 2 * epoch)):
        return None
    message = f"{one.get('cls')} never stepped in {done:g} optimizer steps: the learning rate follows no schedule"
    return message, 1.0, 0.0


def _too_often(
    one: Record, lr: LayerSeries | None, collapsed: float, share: float, batches: int
) -> tuple[str, float, float] | None:
    cls, epoch = str(one.get("cls")), number(one, "steps_per_epoch")
    if one.get("per") != "batch" or cls not in _BY_EPOCH or (epoch is not None and epoch < batches):
        return None
    pace = f"{cls} is stepped after every batch" + (f" ({epoch:g} an epoch)" if epoch else "")
    horizon, done = number(one, "horizon"), number(one, "optimizer_steps")
    # A cosine that is over within half an epoch, or whose length is the number of epochs, was meant in epochs.
    if cls == "CosineAnnealingLR" and horizon and epoch and done and done > 4 * horizon:
        if 2 * horizon <= epoch or abs(horizon - done / epoch) <= 0.5:
            waves = f"its cosine of {horizon:g} steps goes up and down {done / (2 * horizon):.0f} times"
            return f"{pace}, so {waves}", 0.8, horizon
        return None
    rates = next((s for n, s in (lr or {}).items() if n.rpartition("/")[0] == one.get("optimizer")), None)
    if rates is None or len(rates) < 3 or rates.values.max() <= 0:
        return None
    peak = int(rates.values.argmax())
    low = rates.values[peak:] < collapsed * rates.values[peak]
    first, last = int(rates.steps[0]), int(rates.steps[-1])
    since = int(rates.steps[peak + low.argmax()]) if low.any() else last
    # Without a loader an epoch may be one step: then only a rate that is gone almost at once is blamed on the pace.
    needed, soon = (share, since - first <= 5 * epoch) if epoch else (0.75, True)
    if not soon or last - since < needed * max(last - first, 1) or low.mean() < 0.5:
        return None
    message = f"{pace}: the learning rate fell below {collapsed:.0%} of its peak at step {since} of {last + 1}"
    return message, 0.9 if epoch else 0.6, float(since)


def _too_rarely(one: Record, batches: int) -> tuple[str, float, float] | None:
    horizon, made, done, epoch = (
        number(one, k) or 0.0 for k in ("horizon", "steps", "optimizer_steps", "steps_per_epoch")
    )
    # A script that cuts its batches by hand has no loader: its epochs are as long as the schedule's steps are apart.
    epoch = epoch or done / max(made, 1)
    if one.get("per") != "epoch" or not horizon or not made or not done or epoch < batches or made * 4 > horizon:
        return None
    exact = abs(horizon - done) <= 0.02 * done
    if not exact and not (one.get("cls") in _BY_BATCH and horizon <= 2 * done):
        return None
    calls = f"but stepped once an epoch: {made:g} times in {done:g} optimizer steps"
    return f"{one.get('cls')} is laid out for {horizon:g} steps, one a batch, {calls}", 0.9, horizon
