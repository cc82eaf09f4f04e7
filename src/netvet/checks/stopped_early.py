"""A run that ends while the loss still falls."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, Severity, check, location_of
from netvet.stats import behind, course, slope

_CAUSES = (
    "lr-too-low", "misstepped-scheduler", "lr-decays-early", "too-large-batch", "always-clipped", "missing-zero-grad",
    "parameters-not-in-optimizer", "stale-optimizer", "frozen-parameters", "detached-parameters", "double-softmax",
    "double-sigmoid", "wrong-softmax-dim", "unscaled-input", "unscaled-target", "badly-scaled-init", "dead-relu",
    "vanishing-gradient", "saturated-activation", "regularisation-dominates", "wrong-output-activation",
    "oversized-dropout", "unscaled-half-precision", "clipped-loss", "batch-mixing", "unregistered-parameters",
    "symmetric-init", "missing-nonlinearity", "broadcast-loss", "mismatched-loss", "lr-too-high", "too-small-batch",
    "unused-recurrence",
    "label-out-of-range",
)  # fmt: skip


@check(
    stage="fit",
    kind="cause",
    severity="note",
    since="0.1",
    measures="fall of the loss at the end [share]",
    explained_by=_CAUSES,
    fixes={
        "train-longer": "Let it train longer, with the schedule stretched to the new length.",
    },
    fewest=25,
)
def stopped_early(
    loss: LayerSeries,
    val_loss: LayerSeries | None = None,
    parameters: Facts | None = None,
    baselines: Facts | None = None,
    backwards: Facts | None = None,
    *,
    share: float = 0.15,  # of the whole fall that came in the last fifth: more is no plateau yet
    behind_share: float = 0.05,  # the same where a simple learner proves that there is more to learn
    unslowed: float = 0.4,  # of the whole fall that came in the second half: hardly any slowing, so a warning
    remaining: float = 0.7,  # of the first loss that is still there, for a warning
    sigmas: float = 5.0,
    patience: int = 50,  # steps
) -> Iterator[Finding]:
    """The training loss was still falling when the run ended.

    ## Why it matters
    A loss that has not levelled off has more to give for nothing but time.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> stopped_early(LayerSeries.of(**{"train.py:45": [2.3 - 0.004 * i for i in range(100)]}))[0].message
    'the loss still fell when the run ended after 99 steps: 21% of the whole fall (2.3 to 1.92) was in its last fifth'

    ## Known problems
    Trial runs are short on purpose: a note, unless the loss has hardly begun to fall and does not slow down, or the
    net scores clearly less than a linear model or the nearest neighbour. Losses
    of several models or below zero, and runs whose validation loss rises, are silent.

    ## References
    Least-squares slope of the last part against its standard error.
    """
    if len(loss) != 1 or any(p.get("loaded") for p in parameters or ()):
        return
    site, every = next(iter(loss.items()))
    one, seen = every.finite(), course(every)
    if seen is None or len(one) != len(every) or len(one) < 20 or not one.lasts(patience) or seen.end <= 0:
        return
    end = int(one.steps[-1])
    last, half = one.since(end - seen.span // 5), one.since(end - seen.span // 2)
    (late, late_error), (steep, steep_error) = slope(last), slope(half)
    whole, fell = seen.start - seen.end, -late * seen.span / 5
    unslowing = -steep * seen.span / 2 > unslowed * whole and -steep > sigmas * steep_error
    if whole <= sigmas * seen.noise / 2 or whole < 0.02 * seen.start or len(last) < 5 or _turned(val_loss):
        return
    part, better = fell / whole, behind(baselines)
    falling = -late > sigmas * late_error
    # A simple learner proves that there is more to learn: then little is asked of the fall at the end.
    proven = better is not None and ((unslowing and late < late_error) or (falling and part >= behind_share))
    if not proven and not (falling and part >= share):
        return
    message = f"the loss still fell when the run ended after {seen.span} {seen.unit}s: {part:.0%} of the whole fall "
    message += f"({seen.start:.3g} to {seen.end:.3g}) was in its last fifth"
    message += f"; the net scores {better[0]:.2g}, {better[2]} {better[1]:.2g} on the same samples" if better else ""
    severity: Severity = "warning" if proven or (unslowing and seen.end > remaining * seen.start) else "note"
    place = next((location_of(b, "loop") for b in backwards or () if b.get("loop_line")), None)
    yield Finding(message, site, end, part, share, place, severity=severity, confidence=0.6)


def _turned(val_loss: LayerSeries | None) -> bool:
    """A validation loss that rises again: more steps would not help."""
    seen = [v.finite().values for v in (val_loss or {}).values()]
    return any(len(v) > 2 and v[-1] > v.min() * 1.02 for v in seen)
