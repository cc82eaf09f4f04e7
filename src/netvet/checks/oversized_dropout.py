"""So much dropout that the net cannot learn its training samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, check, location_of
from netvet.stats import constant_loss, course, late, listed, number, sole_loss


@check(
    stage="fit",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="rate of the dropout [share]",
    explained_by=("training-in-eval-mode",),
    fixes={"less-dropout": "Drop at most half of the units of a hidden layer and a fifth of the inputs."},
)
def oversized_dropout(
    modules: Facts,
    loss: LayerSeries,
    fixed_batch_loss: LayerSeries,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    *,
    most: float = 0.7,  # Srivastava et al.: 0.5 for hidden units, 0.2 for inputs; above 0.5 nothing is gained
    gap: float = 0.3,  # of the training loss that is gone when the same samples pass without dropout
    passing: float = 0.15,  # share of the paths that all such layers leave, where the net has learned nothing at all
    learned: float = 0.4,  # of the loss of a constant answer that is still there with dropout
) -> Iterator[Finding]:
    """Dropout removes so many units that the training loss stays high, while the same net without it does better.

    ## Why it matters
    With nearly all units gone, hardly any signal passes from the input to the output: steps are taken on noise, and the
    net stays far below what it could do.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> drop = Facts.of({"name": "drop", "cls": "Dropout", "settings": {"p": 0.9}})
    >>> site = Facts.of({"site": "t:4", "phase": "train", "function": "cross_entropy", "classes": 10})
    >>> run = LayerSeries.of(**{"t:4": [2.3, 2.2, 2.0, *[1.8] * 60]}), LayerSeries.of(**{"t:4": [2.3, *[1.0] * 60]})
    >>> oversized_dropout(drop, *run, site)[0].message
    'drop drops 90% of its units: the training samples cost 1.8 with dropout and 1 without it'

    ## Known problems
    Dropout up to a half, and any dropout that leaves a low training loss, is a matter of regularisation: silent.

    ## References
    Srivastava et al., Dropout, JMLR 15 (2014), section 7.3 (effect of the dropout rate).
    """
    heavy = {}
    for module in modules:
        rate = number(module.get("settings") or {}, "p")
        if "Dropout" in str(module.get("cls")) and rate is not None and most <= rate < 1:
            heavy[str(module.get("name"))] = (rate, module)
    seen = course(next(iter(loss.values()))) if len(loss) == 1 else None
    without = [late(one) for one in fixed_batch_loss.values()]
    level = constant_loss(sole_loss(losses), targets, initial_loss)
    if not heavy or seen is None or len(without) != 1 or without[0] is None or level is None:
        return
    left = math.prod((1 - rate) ** max(number(module, "called") or 1, 1) for rate, module in heavy.values())
    stuck = seen.end > 0.95 * level and left < passing
    if seen.end < learned * level or (without[0] > (1 - gap) * seen.end and not stuck):
        return
    name, (rate, module) = max(heavy.items(), key=lambda item: item[1][0])
    message = f"{listed(heavy)} drops {rate:.0%} of its units: the training samples cost {seen.end:.3g} with dropout "
    message += f"and {without[0]:.3g} without it"
    message += f", after {left:.1%} of the paths were left in every step" if stuck else ""
    yield Finding(message, name, None, rate, most, location_of(module), confidence=0.7 if stuck else 0.8)
