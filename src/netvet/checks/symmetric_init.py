"""Units that start equal and stay equal."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, check, location_of
from netvet.stats import learns, number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="units equal to another [share]",
    fixes={"random-init": "Start the weights at random (kaiming or xavier); only biases and norms may be constant."},
)
def symmetric_init(
    symmetric_units: Facts,
    parameters: Facts | None = None,
    loss: LayerSeries | None = None,
    *,
    share: float = 0.5,  # of the units of a layer that equal another one
    wide: int = 8,  # units: so many are one by no accident of the drawing, and not meant to be one
) -> Iterator[Finding]:
    """Units of a layer have equal weights and equal gradients, so no step can tell them apart.

    ## Why it matters
    All these units compute the same value for ever: the layer is as wide as the number of its different units.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"layer": "fc1", "parameter": "fc1.weight", "units": 32, "identical": 32,
    ...                  "identical_gradients": 32, "layers_with_weights": 2})
    >>> symmetric_init(sick)[0].message
    '32 of 32 units of fc1 start with equal weights and get equal gradients: no step can tell them apart'

    ## Known problems
    A single linear layer at zero is convex and fine. Zero last layers of residual blocks, adapters and heads get
    different gradients, so they are silent; where every layer is zero, and none gets a gradient, nothing can ever move.
    A single layer at zero without a gradient may wait for the one behind it: it is told of where the wait has no end.
    Equal units with different gradients are one unit to begin with, and come apart: told of where the loss stays.

    ## References
    Goodfellow et al., Deep Learning, 8.4. Measured on the digits: zero weights 0.08, constant weights 0.08.
    """
    yield from _stuck(symmetric_units)
    yield from _asleep(symmetric_units, parameters)
    hit = []
    for record in symmetric_units:
        units, equal = number(record, "units"), number(record, "identical_gradients")
        layers = number(record, "layers_with_weights")
        if not units or units < 2 or not equal or layers is None or layers < 2 or equal / units < share:
            continue
        zero_gradient = record.get("zero_gradient") is True
        hit.append((zero_gradient, record, equal, units))
    # A layer without any gradient is equal in it trivially; alone it may only wait for a zero layer behind it.
    if not any(not zero for zero, *_ in hit) and len(hit) < 2:
        yield from _as_one(symmetric_units, loss, wide)
        return
    _, record, equal, units = min(hit, key=lambda h: h[0])
    more = f" (and {len(hit) - 1} more layer{'s' if len(hit) > 2 else ''})" if len(hit) > 1 else ""
    layer = str(record.get("layer") or record.get("parameter"))
    message = (
        f"{equal:g} of {units:g} units of {layer}{more} start with equal weights and get equal gradients: "
        "no step can tell them apart"
    )
    layers_hit = [str(r.get("layer") or r.get("parameter")) for _, r, *_ in hit]
    yield Finding(
        message, layer, 0, equal / units, share, location_of(record), {"layers": layers_hit[:50]}, confidence=1.0
    )


def _as_one(symmetric_units: Facts, loss: LayerSeries | None, wide: int) -> Iterator[Finding]:
    """All units of a layer start as one and the same, which is not zero, and the loss does not fall."""
    if not loss or learns(loss):
        return
    for record in symmetric_units:
        units, equal = number(record, "units"), number(record, "identical")
        if not units or units < wide or equal != units or record.get("zero") is not False:
            continue
        layer = str(record.get("layer") or record.get("parameter"))
        message = f"all {units:g} units of {layer} start with the same weights, as one unit, and the loss does not fall"
        yield Finding(message, layer, 0, 1.0, 0.0, location_of(record), severity="warning", confidence=0.9)
        return


def _stuck(symmetric_units: Facts) -> Iterator[Finding]:
    """All layers are zero, so that each keeps the gradient from the others."""
    zero = [r for r in symmetric_units if r.get("zero") is True and r.get("zero_gradient") is True]
    layers = [str(r.get("layer") or r.get("parameter")) for r in zero]
    if len(zero) < 2 or number(zero[0], "layers_with_weights") != len(zero):
        return
    message = f"all weights of all {len(zero)} layers start at zero, and none of them gets a gradient: none can change"
    evidence = {"layers": layers[:50]}
    yield Finding(message, layers[0], 0, 1.0, 0.0, location_of(zero[0]), evidence, confidence=1.0)


def _asleep(symmetric_units: Facts, parameters: Facts | None, *, steps: float = 5) -> Iterator[Finding]:
    """A layer is zero, and the activation behind it has no slope there: no step of the run gave it a gradient."""
    known = {p.get("name"): p for p in parameters or ()}
    for record in symmetric_units:
        p = known.get(record.get("parameter"), {})
        looks, dark = number(p, "deep_steps") or 0, number(p, "zero_grad_steps")
        if record.get("zero") is True and p.get("changed") is False and looks >= steps and dark == looks:
            layer = str(record.get("layer") or record.get("parameter"))
            message = f"all weights of {layer} start at zero, where the layer gets no gradient: it never changed"
            yield Finding(message, layer, 0, 1.0, 0.0, location_of(record), confidence=1.0)
            return
