"""A run that ends while the loss still falls."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, Severity, check
from netvet.stats import course, slope

_CAUSES = (
    "lr-too-low", "misstepped-scheduler", "lr-decays-early",
)  # fmt: skip


@check(
    stage="fit",
    kind="cause",
    severity="note",
    since="0.1",
    explained_by=_CAUSES,
    fixes={
        "train-longer": "Let it train longer, with the schedule stretched to the new length.",
    },
)
def stopped_early(
    loss: LayerSeries,
    val_loss: LayerSeries | None = None,
    parameters: Facts | None = None,
    *,
    share: float = 0.15,  # of the whole fall that came in the last fifth: more is no plateau yet
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
    Trial runs are short on purpose: a note, unless the loss has hardly begun to fall and does not slow down. Losses
    of several models or below zero, and runs whose validation loss rises, are silent.

    ## References
    Least-squares slope of the last part against its standard error.
    """
    if len(loss) != 1 or any(p.get("loaded") for p in parameters or ()):
        return
    site, every = next(iter(loss.items()))
    one = every.finite()
    seen = course(one)
    if seen is None or len(one) != len(every) or len(one) < 20 or seen.span < patience or seen.end <= 0:
        return
    end = int(one.steps[-1])
    last, half = one.since(end - seen.span // 5), one.since(end - seen.span // 2)
    (late, late_error), (steep, _) = slope(last), slope(half)
    whole = seen.start - seen.end
    fell = -late * seen.span / 5
    if whole <= sigmas * seen.noise / 2 or whole < 0.02 * seen.start or len(last) < 5 or -late <= sigmas * late_error:
        return
    seen_val = [v.finite().values for v in (val_loss or {}).values()]
    turned = any(len(v) > 2 and v[-1] > v.min() * 1.02 for v in seen_val)
    part = fell / whole
    if part < share or turned:
        return
    message = (
        f"the loss still fell when the run ended after {seen.span} steps: {part:.0%} of the whole fall "
        f"({seen.start:.3g} to {seen.end:.3g}) was in its last fifth"
    )
    hardly = -steep * seen.span / 2 > unslowed * whole and seen.end > remaining * seen.start
    severity: Severity = "warning" if hardly else "note"
    yield Finding(message, site, end, part, share, severity=severity, confidence=0.6)
