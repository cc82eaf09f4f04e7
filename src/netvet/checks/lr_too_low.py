"""A learning rate so small that training hardly moves."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Record, check
from netvet.stats import Change, Course, change, constant_loss, course, matrix_ratio, number, sole_loss, used_rate

_CAUSES = (
    "parameters-not-in-optimizer", "regularisation-dominates", "unregistered-parameters", "unscaled-half-precision",
    "wrong-output-activation", "misstepped-scheduler", "detached-parameters", "wrong-class-weights", "wrong-call-order",
    "label-out-of-range", "wrong-softmax-dim", "frozen-parameters", "badly-scaled-init", "lr-decays-early",
    "stale-optimizer", "unscaled-target", "mismatched-loss", "double-softmax", "double-sigmoid", "symmetric-init",
    "unscaled-input", "broadcast-loss", "unreduced-loss", "detached-loss", "missing-step", "clipped-loss",
    "batch-mixing", "unsuitable-optimizer", "saturating-activation", "unsuitable-architecture", "unstable-depth",
    "unused-recurrence",
)  # fmt: skip


@check(
    stage="fit",
    kind="cause",
    severity="warning",
    since="0.1",
    explained_by=_CAUSES,
    fixes={"raise-lr": "Multiply the learning rate by 10, and again while the loss falls faster."},
)
def lr_too_low(
    loss: LayerSeries,
    lr: LayerSeries | None = None,
    update_ratio: LayerSeries | None = None,
    lr_probe: Facts | None = None,
    optimizers: Facts | None = None,
    clips: Facts | None = None,
    parameters: Facts | None = None,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    *,
    ratio: float = 3e-4,  # healthy near 1e-3; Adam at 1e-5 gives 1e-4 on default weights
    usual: float = 1e-3,  # Karpathy's rule: weights that change so much per step do move
    gain: float = 0.1,  # a loss that fell by more is learning
    sigmas: float = 3.0,
    patience: int = 50,  # steps
) -> Iterator[Finding]:
    """The steps are so short that the loss hardly falls.

    ## Why it matters
    The direction is right but the net gets nowhere: hours of training for what ten times the rate does in minutes.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> slow = LayerSeries.of(**{"train.py:45": [2.314 - 0.0001 * i for i in range(100)]})
    >>> moves = LayerSeries.of(**{"0.weight": [1e-5] * 10, "2.weight": [3e-5] * 10})
    >>> lr_too_low(slow, LayerSeries.of(**{"Adam/0": [1e-6] * 100}), moves)[0].message
    'at a learning rate of 1e-06 a step changes the weights by 0.002%: the loss fell from 2.31 to 2.3 only in 99 steps'

    ## Known problems
    Fine-tuning of loaded weights, a warm-up, clipping, gradients that vanish, runs that learn, several losses: silent.

    ## References
    Karpathy: updates near 1e-3 of the weights. Measured on the digits: Adam at 1e-5 leaves the loss at 2.3025.
    """
    if len(loss) != 1 or any(p.get("loaded") for p in parameters or ()) or _held_back(lr, clips):
        return
    (site, one), sole = next(iter(loss.items())), sole_loss(losses)
    seen, level = course(one), constant_loss(sole, targets, initial_loss)
    if seen is None or seen.span < patience or seen.start <= 0:
        return
    first = number(sole, "first_value") or seen.start  # backward may be given the function's value divided by something
    moved, typical = change(one), matrix_ratio(update_ratio or {})
    learned = _learned(seen, moved, gain, sigmas) or (level and first < 0.8 * level)
    if learned or not np.isfinite(one.values).all() or seen.end > seen.start + sigmas * seen.noise:
        return
    steady = moved is not None and moved.z > sigmas and moved.first > moved.last
    better = next(filter(None, (_better(r, sigmas) for r in lr_probe or ())), None)
    tiny = typical is not None and 0 < typical < ratio
    shown = better and (typical is None or typical <= usual or steady)  # else it learned its one batch by heart
    if not shown and not (tiny and steady and not any(r.get("losses") for r in lr_probe or ())):
        return
    (rate, place), sure = used_rate(lr, optimizers), 0.9 if better and tiny else 0.7
    fell = (min(seen.start, moved.first if moved else seen.start), seen.end, seen.span)
    yield Finding(_told(rate, typical, fell, better), site, 0, typical, ratio, place, confidence=sure)


def _learned(seen: Course, moved: Change | None, gain: float, sigmas: float) -> bool:
    """The loss fell by this share, and not only from a first batch that happened to be hard."""
    clear = seen.start - seen.best > sigmas * seen.noise
    return seen.gain > gain and (clear or moved is None or (moved.relative > gain and moved.z > sigmas))


def _told(
    rate: float | None, typical: float | None, fell: tuple[float, float, int], better: tuple[float, float] | None
) -> str:
    message = f"at {f'a learning rate of {rate:.3g}' if rate else 'this learning rate'} "
    message += f"a step changes the weights by {100 * typical:.1g}%: " if typical is not None else ""
    message += f"the loss fell from {fell[0]:.3g} to {fell[1]:.3g} only in {fell[2]} steps"
    return message + (f"; a copy trained at {better[0]:g} times the rate reached {better[1]:.3g}" if better else "")


def _held_back(lr: LayerSeries | None, clips: Facts | None) -> bool:
    """The rate still rises at the end (warm-up), or clipping sets the length of the steps."""
    rates = [s.values for s in (lr or {}).values() if len(s) > 2]
    rising = any(v[-1] > 0 and v[-1] > 1.5 * v[len(v) // 2] for v in rates)
    return rising or any((number(c, "clipped_after_warmup") or 0) > 0.9 for c in clips or ())


def _better(probe: Record, sigmas: float) -> tuple[float, float] | None:
    """A multiple of the rate of 10 or more that falls at least five times as far: (multiple, its loss)."""
    start, spread = number(probe, "start"), number(probe, "spread") or 0.0
    pairs = dict(zip(probe.get("multiples") or (), probe.get("losses") or (), strict=False))
    higher = [(float(v), float(m)) for m, v in pairs.items() if m >= 10 and v is not None]
    if start is None or pairs.get(1) is None or not higher:
        return None
    value, multiple = min(higher)
    needed = max(5 * (start - float(pairs[1])), sigmas * spread, 0.02 * abs(start))
    return (multiple, value) if start - value > needed else None
