"""A deep net with an adaptive optimizer that starts at the full rate and jumps."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, check
from netvet.stats import course, lr_trials, matrix_ratio, used_rate

_CAUSES = (
    "badly-scaled-init", "unscaled-input", "unscaled-target", "logits-as-probabilities", "unreduced-loss",
)  # fmt: skip


@check(
    stage="fit",
    kind="cause",
    severity="note",
    since="0.1",
    measures="loss over what it should be [times]",
    explained_by=_CAUSES,
    fixes={
        "warmup": "Raise the learning rate from near zero over the first few hundred steps.",
    },
)
def missing_warmup(
    loss: LayerSeries,
    lr: LayerSeries,
    update_ratio: LayerSeries,
    lr_trial: Facts | None = None,
    optimizers: Facts | None = None,
    *,
    jump: float = 2.0,  # highest early loss over the first value
    ratio: float = 0.1,  # update-to-weight ratio of the first steps
    early: int = 50,  # steps
    patience: int = 100,  # steps
) -> Iterator[Finding]:
    """The first steps are huge and the loss jumps, at the full rate from the first step.

    ## Why it matters
    Adaptive optimizers know little of the scale of gradients in the first steps, and step too far.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> path = LayerSeries.of(**{"t:4": [2.3, 9.0, 8.0, 4.0, *[2.0] * 120]})
    >>> moves = LayerSeries.of(**{"0.weight": [0.5, 0.1, 0.01]})
    >>> missing_warmup(path, LayerSeries.of(a=[0.01] * 124), moves)[0].message
    'at the full rate from the first step the loss jumped from 2.3 to 9, with steps of up to 50% of the weights'

    ## Known problems
    Shallow nets recover by themselves: a note, unless a copy that warms up on the same batches ends at less than half
    the loss, and about as low as one at a smaller rate (else the rate is too high for good).

    ## References
    Liu et al., arXiv:1908.03265.
    """
    if len(loss) != 1 or any(len(s) and s.values[0] < 0.9 * s.finite().values.max(initial=0.0) for s in lr.values()):
        return
    site, one = next(iter(loss.items()))
    tried = [t for t in lr_trials(lr_trial) if t.far_better(t.warm) and t.warm < 2 * t.slower + t.spread]
    if tried:
        message = (
            f"at the full rate from the first step the loss ended at {tried[0].end:.3g}; a copy that repeated the "
        )
        message += (
            f"first steps after a warm-up reached {tried[0].warm:.3g} at the same rate, and without {tried[0].own:.3g}"
        )
        _, place = used_rate(lr, optimizers)
        gain = tried[0].own / tried[0].warm
        yield Finding(message, site, 0, gain, 2.0, place, severity="warning", confidence=0.85)
        return
    seen, longest = course(one), matrix_ratio(update_ratio, early=20)
    if seen is None or seen.span < patience or seen.start <= 0 or longest is None or longest <= ratio:
        return
    first = one.finite()
    high = float(first.values[first.steps <= first.steps[0] + early].max())
    if high > jump * seen.start + 5 * seen.noise:
        message = f"at the full rate from the first step the loss jumped from {seen.start:.3g} to {high:.3g}, "
        message += f"with steps of up to {longest:.0%} of the weights"
        yield Finding(message, site, 0, high / seen.start, jump, confidence=0.4)
