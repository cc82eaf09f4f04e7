"""Gradients that get lost on their way to the first layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Severity, check, location_of
from netvet.stats import learns

# Their derivative is below one everywhere, so that each of them shrinks the gradient.
_SQUASHING = ("Sigmoid", "Tanh", "Hardsigmoid", "Hardtanh", "Softsign")
_CAUSES = (
    "badly-scaled-init", "unscaled-input", "double-softmax", "double-sigmoid", "wrong-output-activation",
    "repeated-activation", "symmetric-init", "lr-too-high", "unstable-depth", "saturating-activation",
    "wrong-softmax-dim", "unscaled-half-precision", "regularisation-dominates", "dead-relu",
    "saturated-activation", "wrong-dtype",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="largest over smallest gradient [times]",
    explained_by=_CAUSES,
    fixes={
        "residual": "Use ReLU-like activations with He initialisation, normalisation, or residual connections.",
    },
    experiments=("overfit-batch", "simple-twin", "activation-trial", "depth-trial"),
)
def vanishing_gradient(
    param_grad_norm: LayerSeries,
    update_ratio: LayerSeries,
    parameters: Facts | None = None,
    loss: LayerSeries | None = None,
    modules: Facts | None = None,
    *,
    ratio: float = 100.0,  # last over first layer (torchmortem); embeddings, norms and tied weights left out
    update: float = 1e-5,  # catalogue: adaptive optimizers undo the scale, and then nothing vanishes
) -> Iterator[Finding]:
    """The gradient of the first layers is a tiny part of that of the last.

    ## Why it matters
    The first layers stay at their random weights, and the rest learns from random features.

    ## Example
    >>> from netvet.core import LayerSeries
    >>> grads = LayerSeries.of(**{"0.weight": [1e-6] * 5, "2.weight": [1e-4] * 5, "4.weight": [0.1] * 5})
    >>> moves = LayerSeries.of(**{"0.weight": [1e-8] * 5, "2.weight": [1e-6] * 5, "4.weight": [1e-3] * 5})
    >>> vanishing_gradient(grads, moves)[0].message
    'the gradient of 0.weight is 100,000 times smaller than that of 4.weight, and a step changes it by 1e-08 only'

    ## Known problems
    Adam and its kin rescale each weight, embeddings of rare tokens and frozen layers get little or nothing, and a
    net whose loss falls all the same copes: silent or a note.

    ## References
    Hochreiter (1991); Glorot and Bengio (2010). The ratio is that of torchmortem.
    """
    kept = [n for n in param_grad_norm if n.endswith(("weight", "kernel")) and _counts(n, parameters)]
    norms = {n: float(np.median(v)) for n in kept if len(v := param_grad_norm[n].finite().values) >= 3}
    if len(norms) < 3:
        return
    names = list(norms)
    first, last = min(names[: max(1, len(names) // 3)], key=lambda n: norms[n]), names[-1]
    moves = update_ratio[first].finite().values if first in update_ratio else np.zeros(0)
    if norms[first] <= 0 or len(moves) < 3 or norms[last] / norms[first] <= ratio:
        return
    typical = float(np.median(moves))
    if typical >= update or typical <= 0:
        return
    times = norms[last] / norms[first]
    message = (
        f"the gradient of {first} is {times:,.0f} times smaller than that of {last}, "
        f"and a step changes it by {typical:.1g} only"
    )
    squashing = next((m for m in modules or () if m.get("cls") in _SQUASHING), None)
    mild: Severity | None = "note" if learns(loss) else None
    yield Finding(message, first, 0, times, ratio, location_of(squashing, "created"), severity=mild, confidence=0.7)


def _counts(name: str, parameters: Facts | None) -> bool:
    for p in parameters or ():
        if p.get("name") == name:
            shape, kind = p.get("shape") or (), str(p.get("layer_type"))
            return len(shape) >= 2 and "Embedding" not in kind and not p.get("tied_names")
    return True
