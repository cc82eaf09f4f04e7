"""A learning rate with which the net cannot learn because the steps are too long."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Location, Record, Series, check
from netvet.curves import raised_rate
from netvet.stats import constant_loss, course, lr_trials, matrix_ratio, number, restless, sole_loss, used_rate

_CAUSES = (
    "regularisation-dominates", "logits-as-probabilities", "unscaled-half-precision", "wrong-output-activation",
    "unsafe-loss-arithmetic", "misstepped-scheduler", "unsuitable-optimizer", "wrong-class-weights", "unscaled-target",
    "label-out-of-range", "missing-zero-grad", "badly-scaled-init", "ineffective-clip", "wrong-call-order",
    "non-finite-input", "mismatched-loss", "unreduced-loss", "unscaled-input", "broadcast-loss", "missing-warmup",
    "wrong-momentum", "negated-loss", "clipped-loss")  # fmt: skip
_BROKEN = "became NaN or infinite"


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Divide the learning rate by 10; if the loss still does not fall, by 100.",
        "warmup": "Raise the learning rate from near zero over the first few hundred steps.",
    },
    any_of=("update_ratio", "lr_probe", "lr_trial", "lr_rises"),
)
def lr_too_high(
    loss: LayerSeries,
    lr: LayerSeries | None = None,
    update_ratio: LayerSeries | None = None,
    lr_probe: Facts | None = None,
    optimizers: Facts | None = None,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    lr_trial: Facts | None = None,
    fixed_batch_flips: LayerSeries | None = None,
    lr_rises: Facts | None = None,
    log: Facts | None = None,
    *,
    ratio: float = 0.3,  # healthy near 1e-3, huge above 0.1 (torchmortem); zero-initialised layers pass 0.1 once
    gain: float = 0.05,  # fall of the loss, as a share, from which on the run counts as learning
    sigmas: float = 3.0,
    patience: int = 20,  # steps
) -> Iterator[Finding]:
    """The steps are so long that the loss does not fall.

    ## Why it matters
    A step beyond the width of the valley lands on the other side, higher up, until the net predicts a constant.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> flat = LayerSeries.of(**{"train.py:45": [2.31, 40.0, 9.0, *[2.4] * 60]})
    >>> moves = LayerSeries.of(**{"0.weight": [8.0, 1.0, 0.5], "2.weight": [9.0, 1.0, 0.4]})
    >>> lr_too_high(flat, LayerSeries.of(**{"Adam/0": [1.0] * 63}), moves)[0].message
    'with a learning rate of 1 the loss went from 2.31 to 2.4, and single steps changed the weights by up to 850%'

    ## Known problems
    Losses that need not fall (several losses, negative losses) are left out. A run that learns is silent, unless it
    swings or is stuck and a copy that repeats its first steps at a smaller rate ends at less than half the loss.

    ## References
    Smith, arXiv:1506.01186 (range test). Measured on the digits: Adam at 1.0 ends at 2.37, at 10 at 2.53.
    """
    site, one = next(iter(loss.items()), ("", Series.of([])))
    if told := raised_rate(log, loss, lr_rises):
        yield Finding(told[0], site, *told[1:], severity="warning", confidence=0.8)
    seen, level = course(one), constant_loss(sole_loss(losses), targets, initial_loss)
    if told or len(loss) != 1 or seen is None or not one.lasts(patience) or seen.start <= 0 or seen.best < 0:
        return
    learned = (1 - gain) * (min(seen.start, level) if level else seen.start)
    rate, place = used_rate(lr, optimizers)
    broken, longest = not np.isfinite(one.values[-1]), matrix_ratio(update_ratio or {}, early=20)
    if seen.best < learned - sigmas * seen.error or (seen.end < learned and not broken):
        if restless(one, update_ratio, fixed_batch_flips):
            yield from _tried(lr_trial, site, rate, place)
        return
    better = next((b for r in lr_probe or () if (b := _better(r, sigmas)) is not None), None)
    if not better and (not longest or longest <= ratio or any(r.get("losses") for r in lr_probe or ())):
        yield from _tried(lr_trial, site, rate, place)  # a few steps of the probe may be too few to tell
        return
    message = f"{_at(rate)} the loss " + (_BROKEN if broken else f"went from {seen.start:.3g} to {seen.end:.3g}")
    message += f", and single steps changed the weights by up to {longest:.0%}" if longest and longest > ratio else ""
    message += f"; a copy trained at {better[0]:g} times the rate reached {better[1]:.3g}" if better else ""
    yield Finding(message, site, 0, longest, ratio, place, confidence=0.9 if better else 0.7)


def _at(rate: float | None) -> str:
    return f"with a learning rate of {rate:.3g}" if rate else "at this learning rate"


def _tried(trials: Facts | None, site: str, rate: float | None, place: Location | None) -> Iterator[Finding]:
    """A copy that repeated the run's first steps at a smaller rate learned far more."""
    for trial in lr_trials(trials):
        if trial.far_better(trial.slower):
            message = f"{_at(rate)} the loss ended at {trial.end:.3g}; a copy that repeated the first steps on the "
            message += f"same batches at {trial.multiple:g} times the rate reached {trial.slower:.3g}, and at the full "
            message += f"rate {trial.own:.3g}"
            yield Finding(message, site, 0, trial.own / trial.slower, 2.0, place, severity="warning", confidence=0.85)


def _better(probe: Record, sigmas: float) -> tuple[float, float] | None:
    """A smaller multiple of the rate that learns where the script's own does not: (multiple, its loss)."""
    start, spread = number(probe, "start"), number(probe, "spread") or 0.0
    pairs = dict(zip(probe.get("multiples") or (), probe.get("losses") or (), strict=False))
    if start is None or 1 not in pairs:
        return None
    own = float("inf") if pairs[1] is None else float(pairs[1])
    lower = [(float(v), float(m)) for m, v in pairs.items() if m < 1 and v is not None]
    if not lower or own < start - sigmas * spread:
        return None
    value, multiple = min(lower)
    return (multiple, value) if value < start - max(sigmas * spread, 0.05 * abs(start)) else None
