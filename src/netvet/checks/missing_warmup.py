"""A deep net with an adaptive optimizer that starts at the full rate and jumps."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Finding, LayerSeries, check
from netvet.stats import course, matrix_ratio

_CAUSES = (
    "lr-too-high", "badly-scaled-init", "unscaled-input", "unscaled-target",
)  # fmt: skip


@check(
    stage="fit",
    kind="cause",
    severity="note",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "warmup": "Raise the learning rate from near zero over the first few hundred steps.",
    },
)
def missing_warmup(
    loss: LayerSeries,
    lr: LayerSeries,
    update_ratio: LayerSeries,
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
    Shallow nets recover by themselves: a note until a trial with warm-up proves more.

    ## References
    Liu et al., arXiv:1908.03265.
    """
    if len(loss) != 1 or any(len(s) and s.values[0] < 0.9 * s.finite().values.max(initial=0.0) for s in lr.values()):
        return
    site, one = next(iter(loss.items()))
    seen, longest = course(one), matrix_ratio(update_ratio, early=20)
    if seen is None or seen.span < patience or seen.start <= 0 or longest is None or longest <= ratio:
        return
    first = one.finite()
    high = float(first.values[first.steps <= first.steps[0] + early].max())
    if high > jump * seen.start + 5 * seen.noise:
        message = f"at the full rate from the first step the loss jumped from {seen.start:.3g} to {high:.3g}, "
        message += f"with steps of up to {longest:.0%} of the weights"
        yield Finding(message, site, 0, high / seen.start, jump, confidence=0.4)
