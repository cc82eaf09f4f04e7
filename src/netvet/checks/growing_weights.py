"""Weights that grow without end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from netvet.changes import between, growth
from netvet.core import Finding, LayerSeries, Severity, check
from netvet.stats import learns

_CAUSES = (
    "lr-too-high", "missing-zero-grad", "negated-loss", "unreduced-loss", "unscaled-input", "unscaled-target",
    "logits-as-probabilities", "missing-warmup", "mismatched-loss", "wrong-class-weights", "random-labels",
    "unsafe-loss-arithmetic", "exploding-gradient", "badly-scaled-init", "label-out-of-range", "wrong-momentum",
    "unsuitable-optimizer",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="norm over that at the start [times]",
    explained_by=_CAUSES,
    fixes={
        "lower-lr": "Divide the learning rate by 10, and use a small weight decay.",
        "decay-sign": "Of a weight decay or an average of weights written by hand, check the sign.",
    },
)
def growing_weights(
    param_norm: LayerSeries,
    loss: LayerSeries | None = None,
    lr: LayerSeries | None = None,
    *,
    times: float = 10.0,  # SageMaker Debugger: a factor of 10
    patience: int = 100,  # steps
    long: int = 1000,  # steps of a run over which growth by a share in each step is told from that of learning
    later: float = 0.9,  # rate of growth, second stretch over first: 1 if exponential, 0.5 for any power of the step
    sigmas: float = 5.0,  # by which the rate is more than 0
) -> Iterator[Finding]:
    """The norm of a layer grows to many times what it was.

    ## Why it matters
    Outputs grow with the weights: activations saturate, logits become overconfident, and in the end numbers
    overflow.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> growing_weights(LayerSeries.of(**{"net.weight": [1.05**i for i in range(120)]}))[0].message
    'the norm of net.weight went from 1.31 to 254'

    ## Known problems
    Layers that begin at or near zero grow rightly, and separable data lets the last layer grow slowly; while the
    loss falls it is a note. What is learned slows down, though: growth by the same share in each step over a long run
    is more than a note as soon as the loss no longer falls, unless the learning rate grows with it.

    ## References
    The factor is that of the variance ratio rule of SageMaker Debugger.
    """
    steady = _steady(param_norm, lr, times, long, later, sigmas)
    if steady:
        layer, (first, last, rate) = next(iter(steady.items()))
        message = f"the norm of {layer} grows by {rate:.2%} in each step, from {first:.3g} to {last:.3g}{_more(steady)}"
        severity: Severity | None = "note" if _still_falls(loss) else None
        evidence = {"layers": list(steady)[:50], "rate": rate}
        yield Finding(message, layer, 0, last / first, times, None, evidence, severity, 0.8)
        return
    found = {}
    for layer, every in param_norm.items():
        one = every.finite()
        # Biases and the scales of norms begin at zero or one, and are free to go where they like.
        if layer.endswith("bias") or len(one) < 6 or int(one.steps[-1] - one.steps[0]) < patience:
            continue
        part = max(2, len(one) // 10)
        first, last = float(np.median(one.values[:part])), float(np.median(one.values[-part:]))
        if first > 0 and last >= 0 and last > times * first:
            found[layer] = (first, last)
    if not found:
        return
    layer, (first, last) = next(iter(found.items()))
    message = f"the norm of {layer} went from {first:.3g} to {last:.3g}{_more(found)}"
    severity = "note" if learns(loss) else None
    yield Finding(message, layer, 0, last / first, times, None, {"layers": list(found)[:50]}, severity, 0.6)


def _more(found: Mapping[str, object]) -> str:
    others = len(found) - 1
    return f", and likewise in {others} other layer{'s' if others > 1 else ''}" if others else ""


def _steady(
    norms: LayerSeries, lr: LayerSeries | None, times: float, long: int, later: float, sigmas: float
) -> dict[str, tuple[float, float, float]]:
    """First and last norm and growth per step of the layers that grow by a share of themselves to the end."""
    found: dict[str, tuple[float, float, float]] = {}
    for layer, one in norms.items():
        seen = growth(one) if not layer.endswith("bias") and len(one) and one.steps[-1] - one.steps[0] >= long else None
        if seen is None or seen.last <= times * seen.first or seen.rate < sigmas * seen.error:
            continue
        # As much in its second half as in its first: what grew early and is slow now has found its size.
        if seen.half >= times**0.5 and seen.later >= later and not _rises(lr):
            found[layer] = (seen.first, seen.last, seen.rate)
    return found


def _rises(lr: LayerSeries | None) -> bool:
    """A learning rate grows over the run: so may what it is multiplied by."""
    for one in (lr or {}).values():
        half = len(one) // 2
        if half and one.values[half:].max() > 1.5 * np.median(one.values[:half]):
            return True
    return False


def _still_falls(loss: LayerSeries | None) -> bool:
    """A loss falls clearly in the second half of the run."""
    return learns({k: between(s, s.steps[len(s) // 2], s.steps[-1]) for k, s in (loss or {}).items() if len(s)})
