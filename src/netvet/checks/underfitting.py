"""A training loss that levels off high."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, Location, Record, Severity, check, location_of
from netvet.stats import behind, constant_loss, course, late, number, slope, sole_loss

_CAUSES = (
    "cannot-overfit-batch",
    "insufficient-capacity", "missing-nonlinearity", "lr-too-low", "lr-too-high", "lr-decays-early",
    "misstepped-scheduler", "regularisation-dominates", "double-softmax", "double-sigmoid", "label-out-of-range",
    "parameters-not-in-optimizer", "frozen-parameters", "detached-parameters", "excessive-augmentation",
    "label-errors", "random-labels", "missing-zero-grad", "broadcast-loss", "oversized-dropout",
    "oversized-regularisation", "too-small-batch", "always-clipped", "unscaled-input", "unscaled-target",
    "badly-scaled-init", "dead-relu", "saturated-activation", "vanishing-gradient", "wrong-output-activation",
    "batch-mixing", "stale-optimizer", "unregistered-parameters", "mismatched-loss", "wrong-class-weights",
    "class-imbalance", "unscaled-half-precision", "clipped-loss", "symmetric-init", "unshuffled-data",
    "unused-recurrence",
    "tiny-updates", "saturating-activation", "unstable-depth", "unsuitable-optimizer", "wrong-momentum",
    "unsuitable-architecture",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    measures="training loss over that of a constant [share]",
    explained_by=_CAUSES,
    fixes={
        "wider": "Double the width, and see whether the training loss falls further.",
    },
    experiments=(
        "overfit-batch",
        "capacity",
        "lr-range",
        "activation-trial",
        "depth-trial",
        "optimizer-trial",
        "weight-decay-trial",
        "augmentation",
    ),
    any_of=("losses",),  # what a constant prediction would cost
)
def underfitting(
    loss: LayerSeries,
    losses: Facts | None = None,
    targets: Facts | None = None,
    initial_loss: Facts | None = None,
    baselines: Facts | None = None,
    train_accuracy: LayerSeries | None = None,
    modules: Facts | None = None,
    *,
    limit: float = 0.7,  # of the loss of the best constant prediction
    fitted_below: float = 0.3,  # of that loss: a net that came here has fitted most of its training samples
    margin: float = 0.05,  # of the score by which the net falls short on its own training samples
    patience: int = 100,  # steps
) -> Iterator[Finding]:
    """The training loss has levelled off at not much less than a constant prediction.

    ## Why it matters
    A net that cannot fit its training samples cannot do well on others.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> site = Facts.of({"site": "l", "phase": "train", "function": "cross_entropy", "classes": 10})
    >>> underfitting(LayerSeries.of(**{"t:4": [2.3, 2.1, 2.0, *[1.9, 1.91] * 80]}), site)[0].message
    'the training loss levelled off at 1.9, 83% of the 2.3 of a constant prediction'

    ## Known problems
    Noisy targets and language have a high floor: a note, unless a linear model or the nearest neighbour does clearly
    better on the same held-out samples, and better than the net on its own training samples.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): "overfit".
    """
    level = constant_loss(sole_loss(losses), targets, initial_loss)
    if len(loss) != 1 or not level or level <= 0:
        return
    site, one = next(iter(loss.items()))
    seen = course(one)
    if seen is None or not one.lasts(patience) or seen.end > 0.98 * level:
        return
    better = behind(baselines)
    if seen.end < fitted_below * level:
        return
    fitted = [late(s) for s in (train_accuracy or {}).values()]
    reached = fitted[0] if len(fitted) == 1 and fitted[0] is not None else 1 - seen.end / level
    proven = better is not None and reached < better[1] - margin
    if seen.end <= limit * level and not proven:
        return
    last = int(one.steps[-1])
    fall, error = slope(one.since(last - seen.span // 4).finite())
    if -fall * seen.span / 4 <= max(3 * error * seen.span / 4, 0.01 * seen.end):
        message = f"the training loss levelled off at {seen.end:.3g}, "
        message += f"{seen.end / level:.0%} of the {level:.2g} of a constant prediction"
        if proven and better is not None:
            message += f"; the net scores {better[0]:.2g}, {better[2]} {better[1]:.2g} on the same samples"
        severity: Severity = "warning" if proven else "note"
        place = _narrowest(modules)
        yield Finding(message, site, last, seen.end, limit * level, place, severity=severity, confidence=0.5)


def _narrowest(modules: Facts | None) -> Location | None:
    """Where the hidden layer with the fewest outputs was made; that of the only layer where there is one."""
    layers = [m for m in modules or () if m.get("is_leaf") is not False and m.get("order") is not None]
    layers = [m for m in layers if number(m, "parameters") and len(m.get("output_shape") or ()) > 1]
    layers.sort(key=lambda m: number(m, "order") or 0)
    least = min(layers[:-1] or layers, default=None, key=_width)
    return location_of(least, "created")


def _width(module: Record) -> int:
    return int(module["output_shape"][1 if "Conv" in str(module.get("cls")) else -1])
