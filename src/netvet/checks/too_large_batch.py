"""A batch far larger than the gradient needs."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, check
from netvet.stats import behind, number, slope


@check(
    stage="fit",
    kind="cause",
    severity="note",
    since="0.1",
    measures="size of the batch [relative]",
    fixes={
        "smaller-batch": "Use a smaller batch and take more steps.",
    },
    any_of=("gradient_noise", "samples"),
)
def too_large_batch(
    gradient_noise: Facts | None = None,
    loss: LayerSeries | None = None,
    inputs: Facts | None = None,
    samples: Facts | None = None,
    baselines: Facts | None = None,
    lr_probe: Facts | None = None,
    *,
    whole: float = 0.5,  # of the training samples in one batch: one or two steps an epoch
    few: int = 200,  # steps; nets of this size take hundreds
    limit: float = 0.01,  # critical batch size over batch
    patience: int = 50,  # steps
) -> Iterator[Finding]:
    """The gradient noise scale is far below the batch size.

    ## Why it matters
    The batch size sets how much is learned from each sample looked at.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"ratio": 0.001, "scale": 4.0, "batch": 4000, "steps": 200}
    >>> too_large_batch(Facts.of(seen))[0].message
    'the gradient noise scale is 4 samples and the batch has 4e+03: its gradient is no better than a smaller one'

    ## Known problems
    The noise scale grows during training: a note. Full batches are right for graphs, LBFGS and small problems: a
    warning only where epochs of one or two steps end while the loss falls, at less than a linear model or the nearest
    neighbour reaches, or hardly below its start where a copy shows that it can fall.

    ## References
    McCandlish et al., arXiv:1812.06162, equation 2.8.
    """
    starved = _starved(loss, inputs, samples, whole, few)
    worse = behind(baselines) if starved else None
    possible = None if worse or loss is None else _possible(lr_probe, loss)
    if starved and (worse or possible):
        batch, kept, steps = starved
        message = (
            f"one batch holds {batch:g} of the {kept:g} training samples, so that there were {steps} steps in all: "
        )
        message += "the loss was still falling at the end, and "
        if worse:
            message += f"the net scores {worse[0]:.2g}, {worse[2]} {worse[1]:.2g} on the same samples"
        elif possible:
            message += f"was {possible[0]:.3g}; a few longer steps on one such batch brought it to {possible[1]:.3g}"
        yield Finding(message, "training batches", None, batch / kept, whole, severity="warning", confidence=0.7)
        return
    for record in gradient_noise or ():
        ratio, scale, batch_size = (number(record, k) for k in ("ratio", "scale", "batch"))
        long = (number(record, "steps") or 0) >= patience
        if ratio is None or scale is None or not batch_size or not long or not 0 < ratio < limit:
            continue
        message = f"the gradient noise scale is {scale:.3g} samples and the batch has {batch_size:.3g}: "
        message += "its gradient is no better than a smaller one"
        yield Finding(message, "training batches", None, ratio, limit, confidence=0.5)


def _possible(probe: Facts | None, loss: LayerSeries) -> tuple[float, float] | None:
    """The loss at the end, at most a third below its start, and less than 2/3 of it, that a copy reached at once."""
    one = next(iter(loss.values())).finite().values
    for record in probe or ():
        start = number(record, "start")
        reached = min((float(v) for v in record.get("losses") or () if v is not None), default=None)
        end = float(one[-max(2, len(one) // 10) :].mean())
        if start and reached is not None and 0 < reached < end * 2 / 3 and end > start * 2 / 3:
            return end, reached
    return None


def _starved(
    loss: LayerSeries | None, inputs: Facts | None, samples: Facts | None, whole: float, few: int
) -> tuple[float, float, int] | None:
    """Batch, training samples and steps of a run of many epochs and few steps whose loss was falling to the end."""
    sizes = [number(r, "batch") for r in inputs or () if r.get("phase") == "train"]
    kept = next((number(r, "train") for r in samples or ()), None)
    one = next(iter(loss.values())).finite() if loss is not None and len(loss) == 1 else None
    if one is None or kept is None or kept < 256 or not sizes or None in sizes or not 8 <= len(one) <= few:
        return None
    batch, steps = min(s for s in sizes if s is not None), int(one.steps[-1]) + 1
    # With so few steps the second half alone is too noisy.
    (whole_run, whole_error), (falls, error) = slope(one), slope(one.since(steps // 2))
    if batch < whole * kept or steps > few or steps * batch < 5 * kept or falls >= -2 * error:
        return None
    if whole_run >= -5 * whole_error:
        return None
    return batch, kept, steps
