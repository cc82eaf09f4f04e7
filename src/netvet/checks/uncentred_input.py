"""Inputs that are not centred."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="mean over the spread [times]",
    explained_by=("unscaled-input", "non-finite-input", "mismatched-normalisation"),
    fixes={"centre": "Subtract the mean of each feature or channel, fitted on the training data."},
)
def uncentred_input(
    inputs: Facts,
    modules: Facts | None = None,
    *,
    limit: float = 5.0,  # std; pixels from 0 to 1 reach 2 without harm
    offset: float = 2.0,  # a table's typical mean as it is: the default init of a layer is made for values of about 1
    shared: float = 3.0,  # the same in units of the spread: the common part of a sample outweighs its own ninefold
) -> Iterator[Finding]:
    """The mean of the input features is far from zero, measured in their std.

    ## Why it matters
    All inputs then point in nearly the same direction: the gradients of a unit share one sign, and learning zigzags.

    ## Example
    >>> from netvet.core import Facts
    >>> data = {"dtype": "float32", "phase": "train", "feature_mean": [8.0, 9.0], "feature_std": [1.0, 1.0]}
    >>> uncentred_input(Facts.of({"model": "Net", "position": 0, **data}))[0].message
    'the features of input 0 of Net have means of 8.5 std (median): all samples look nearly alike'

    ## Known problems
    Pixels from 0 to 1, columns scaled to 0 to 1 and single odd features stay below the limits; a norm layer in front
    centres by itself.

    ## References
    LeCun et al., Efficient BackProp (1998), 4.3.
    """
    normed = _normed(modules)
    for record in inputs.where(phase="train"):
        means, stds = record.get("feature_mean") or (), record.get("feature_std") or ()
        is_float = str(record.get("dtype")).removeprefix("torch.").startswith(("float", "bfloat"))
        if not is_float or record.get("raw") or record.get("model") in normed or len(means) != len(stds):
            continue
        pairs = [(m, s) for m, s in zip(means, stds, strict=True) if m is not None and s]
        away = sorted(abs(m) / s for m, s in pairs if s > 1e-9)
        # A single number, such as a time, is no set of features.
        if len(away) < 2 and len(record.get("shape") or ()) < 4:
            continue
        middle = (away[len(away) // 2] + away[(len(away) - 1) // 2]) / 2 if away else 0.0
        name, where = f"input {record.get('position')} of {record.get('model')}", record.get("model")
        at = location_of(record, "data", "")
        if middle >= limit and max(abs(m) for m, _ in pairs) >= 0.5:
            message = f"the features of {name} have means of {middle:.2g} std (median): all samples look nearly alike"
            yield Finding(message, str(where), 0, middle, limit, at, confidence=0.6)
        elif len(record.get("shape") or ()) == 2 and len(pairs) >= 4:
            mean, std = (math.sqrt(sum(p[i] ** 2 for p in pairs) / len(pairs)) for i in (0, 1))
            if mean >= offset and mean >= shared * std:
                size = f"a typical mean of {mean:.2g} beside a std of {std:.2g}"
                message = f"the features of {name} have {size}: what all samples share outweighs what sets them apart"
                yield Finding(message, str(where), 0, mean / std, shared, at, confidence=0.6)


def _normed(modules: Facts | None) -> set[object]:
    """Models whose first layer with weights, in the order of the calls, is a norm."""
    first: dict[object, tuple[int, bool]] = {}
    for m in modules or ():
        norm, order = "Norm" in str(m.get("cls")), m.get("order")
        if order is None or not (norm or (m.get("is_leaf") is not False and (number(m, "parameters") or 0) > 0)):
            continue
        first[m.get("model")] = min(first.get(m.get("model"), (order, norm)), (order, norm))
    return {model for model, (_, norm) in first.items() if norm}
