"""Steps that hardly change the weights."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Severity, check
from netvet.stats import behind, learns, listed

_CAUSES = (
    "lr-too-low", "misstepped-scheduler", "lr-decays-early", "missing-warmup", "unscaled-half-precision",
    "double-softmax", "wrong-softmax-dim", "symmetric-init", "unused-recurrence", "badly-scaled-init", "clipped-loss",
    "wrong-output-activation", "always-clipped", "vanishing-gradient", "dead-relu", "saturated-activation",
    "unscaled-input", "unscaled-target", "parameters-not-in-optimizer", "wrong-call-order",
    "regularisation-dominates", "wrong-class-weights", "broadcast-loss", "saturating-activation", "unstable-depth",
    "oversized-regularisation",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="change of a step over the weights [share]",
    explained_by=_CAUSES,
    fixes={
        "raise-lr": "Multiply the learning rate by 10, and again while the loss falls faster.",
    },
    experiments=("lr-range",),
)
def tiny_updates(
    update_ratio: LayerSeries,
    loss: LayerSeries | None = None,
    baselines: Facts | None = None,
    parameters: Facts | None = None,
    *,
    limit: float = 1e-5,  # catalogue
    share: float = 0.5,  # of the layers
    patience: int = 20,  # steps
    still: float = 0.02,  # of its norm that a layer moved at most, all steps of the run together
    long: int = 200,  # steps; a shorter run has hardly begun
) -> Iterator[Finding]:
    """The update-to-weight ratio is tiny in most layers.

    ## Why it matters
    Weights that move by less than a hundred-thousandth a step need a hundred thousand steps to change.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> tiny_updates(LayerSeries.of(**{"0.weight": [1e-7] * 30, "2.weight": [1e-7] * 30}))[0].message
    'a step changes the weights by 1e-07 of their norm in 2 of 2 layers (0.weight, 2.weight); usual is 1e-3'

    ## Known problems
    Frozen layers (no change at all) are left out; the tail of a decaying rate does not count, as the median over
    the run is judged; a net that learns all the same is a note, unless a linear model or the nearest neighbour does
    clearly better on the same held-out samples.

    ## References
    The band 1e-5 to 1e-1 is that of torchmortem; near 1e-3 is usual (Karpathy).
    """
    fresh = not any(p.get("loaded") for p in parameters or ())
    worse, typical, moved = behind(baselines) if fresh else None, {}, {}
    for layer, every in update_ratio.items():
        one = every.finite()
        # Biases and scales begin at zero or one: their ratio says little.
        if layer.endswith("bias") or len(one) < 3 or int(one.steps[-1] - one.steps[0]) < patience:
            continue
        middle = float(np.median(one.values))
        if middle > 0:
            typical[layer] = middle
            moved[layer] = middle * int(one.steps[-1]) if one.steps[-1] >= long else 1.0
    # Where a simple learner proves the net too weak, a layer that kept its initial noise to the end is enough.
    beyond = {layer: v for layer, v in typical.items() if v < limit or (worse and moved[layer] < still)}
    if not beyond or len(beyond) < share * len(typical):
        return
    middle = float(np.median(list(beyond.values())))
    message = (
        f"a step changes the weights by {middle:.1g} of their norm in {len(beyond)} of {len(typical)} layers "
        f"({listed(beyond)}); usual is 1e-3"
    )
    if worse:
        message += f"; the net scores {worse[0]:.2g}, {worse[2]} {worse[1]:.2g} on the same samples"
    severity: Severity | None = "note" if learns(loss) and not worse else None
    yield Finding(message, next(iter(beyond)), 0, middle, limit, severity=severity, confidence=0.6)
