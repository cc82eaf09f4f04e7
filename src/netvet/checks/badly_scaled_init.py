"""Activations that explode or die out on their way through the untrained net."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number

_SQUASHING = ("Sigmoid", "Tanh", "Softsign", "Hardsigmoid", "Hardtanh")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=("symmetric-init", "unscaled-input"),
    fixes={
        "he-init": "Initialise to fit: kaiming_normal_ for ReLU, xavier_normal_ for tanh; norms if deep.",
    },
)
def badly_scaled_init(
    depth_scale: Facts,
    *,
    per_ten: float = 10.0,  # catalogue: change of the std by more than this per ten layers
    total: float = 100.0,  # and by more than this in all: a few default layers shrink it by less
    large: float = 10.0,  # weights that are so many times larger than suggested
    explained: float = 0.5,  # share of the change (as a logarithm) that the scale of the weights must account for
    squashed: float = 6.0,  # std into a sigmoid or tanh from which on most of its units lie at the ends of its range
) -> Iterator[Finding]:
    """The std of the activations grows or shrinks from layer to layer before the first step.

    ## Why it matters
    The gradient shrinks or grows by the same factors: either the first layers learn nothing, or the first steps throw
    the weights away. The initial loss is then far above its expected value.

    ## Example
    >>> from netvet.core import Facts
    >>> scale = {"weight_std": 1.0, "suggested_std": 0.1}
    >>> layers = [{"name": f"fc{i}", "activation_std": 10.0**i, **scale} for i in range(4)]
    >>> badly_scaled_init(Facts.of({"layers": layers, "weighted_layers": 4, "activation_ratio": 1000.0}))[0].message
    'the std of activations grows 1e+03 times over 4 layers (fc0 1, fc3 1e+03): weights of fc0 have std 1, not 0.1'

    ## Known problems
    Layers followed by a norm may have any scale: the std is measured behind it. Small last layers, zero-initialised
    branches and PyTorch's own defaults in shallow nets stay below the limits.

    ## References
    Glorot and Bengio 2010; He et al. 2015, equation 10: std = sqrt(2 / fan_in) for ReLU.
    """
    for record in depth_scale:
        yield from _recurrence(record, per_ten, total)
        yield from _saturated(record, squashed)
        ratio, depth = number(record, "activation_ratio"), number(record, "weighted_layers")
        layers = [x for x in record.get("layers") or () if number(x, "activation_std")]
        if not ratio or ratio <= 0 or not depth or depth < 2 or len(layers) < 2:
            continue
        change = max(ratio, 1 / ratio)
        if change < total or math.log(change) / depth <= math.log(per_ten) / 10:
            continue
        worst = max(layers, key=_off)
        if _off(worst) < math.log(1.5) or (ratio > 1 and change < total * large and _off(worst) < math.log(large) / 2):
            continue
        # Inputs on an odd scale, norms and saturation change the std as well: the weights must account for it.
        if math.copysign(1.0, math.log(ratio)) * sum(map(_off_by, layers)) < explained * math.log(change):
            continue
        verb = "grows" if ratio > 1 else "shrinks"
        first, last = layers[0], layers[-1]
        ends = f"({first.get('name')} {first['activation_std']:.3g}, {last.get('name')} {last['activation_std']:.3g})"
        message = (
            f"the std of activations {verb} {change:.3g} times over {depth:g} layers {ends}: "
            f"weights of {worst.get('name')} have std {worst['weight_std']:.3g}, not {worst['suggested_std']:.3g}"
        )
        name = str(worst.get("name"))
        yield Finding(message, name, 0, change, total, location_of(record), {"activation_ratio": ratio}, confidence=0.9)


def _recurrence(record: Record, per_ten: float, total: float) -> Iterator[Finding]:
    """A layer that is applied at each step of time, and whose output explodes from one to the next."""
    for layer in record.get("layers") or ():
        growth, calls = number(layer, "growth"), number(layer, "calls")
        # Only growth: a state that forgets its past is what most recurrent nets begin with.
        if not growth or not calls or growth < total or math.log(growth) / calls <= math.log(per_ten) / 10:
            continue
        name = str(layer.get("name"))
        message = f"the std of the output of {name} grows {growth:.3g} times over the {calls:g} calls of one pass: "
        message += "the weights that it repeats are too large"
        evidence = {"growth": growth}
        yield Finding(message, name, 0, growth, total, location_of(record), evidence, confidence=0.9)


def _saturated(record: Record, squashed: float) -> Iterator[Finding]:
    """Weights so large that sigmoids and tanhs, which hide the scale from later layers, begin at their ends."""
    # Large inputs saturate as well: the weights alone must account for most of the spread.
    layers = [x for x in record.get("layers") or () if _off_by(x) > math.log(4)]
    beyond = [x for x in layers if (number(x, "activation_std") or 0.0) > squashed]
    if record.get("nonlinearity") not in _SQUASHING or not beyond:
        return
    worst = max(beyond, key=lambda x: float(x["activation_std"]))
    name, std = str(worst.get("name")), float(worst["activation_std"])
    message = f"weights of {name} have std {worst['weight_std']:.3g}, not {worst['suggested_std']:.3g}: its outputs "
    message += f"spread by {std:.3g} before the first step, and {record.get('nonlinearity')} is flat there"
    yield Finding(message, name, 0, std, squashed, location_of(record), {"layers": len(beyond)}, confidence=0.9)


def _off_by(layer: dict[str, Any]) -> float:
    """How far the weights are above (or below) the suggested scale, as a log ratio; 0 where that is not known."""
    std, wanted = number(layer, "weight_std"), number(layer, "suggested_std")
    return math.log(std / wanted) if std and wanted and std > 0 and wanted > 0 else 0.0


def _off(layer: dict[str, Any]) -> float:
    return abs(_off_by(layer))
