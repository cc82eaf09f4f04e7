"""Parameters whose gradient is exactly zero."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check, location_of
from netvet.stats import listed, number

# Operations that are flat nearly everywhere: their derivative is zero.
_STEPS = ("Sign", "Round", "Floor", "Ceil", "Trunc", "Heaviside")
_CAUSES = (
    "detached-parameters", "detached-loss", "clipped-loss", "symmetric-init", "wrong-call-order", "dead-relu",
    "unused-recurrence",
    "saturated-activation", "double-softmax", "wrong-output-activation", "repeated-activation",
    "unused-parameters", "constant-feature", "constant-target", "unscaled-half-precision", "wrong-softmax-dim",
    "non-finite-input", "badly-scaled-init", "lr-too-high", "unscaled-input", "bias-before-norm",
    "token-out-of-range", "wrong-dtype", "regularisation-dominates", "unstable-depth",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="parameters without a gradient [share]",
    explained_by=_CAUSES,
    fixes={
        "find-cut": "Look for what stops the gradient: a dead ReLU, a clamp, a rounding, a zero weight.",
        "straight-through": "Let the gradient pass a rounding: x + (x.round() - x).detach().",
    },
    experiments=("overfit-batch",),
)
def zero_gradient(
    parameters: Facts,
    graph: Facts | None = None,
    *,
    patience: int = 5,  # sampled steps; the catalogue asks for 20 steps, and samples are further apart
    share: float = 0.01,  # of the trainable elements; less is a note
) -> Iterator[Finding]:
    """Parameters that the loss reaches get a gradient of exactly zero, step after step.

    ## Why it matters
    Such a parameter is in the graph but never learns.

    ## Example
    >>> from netvet.core import Facts
    >>> dead = {"name": "0.weight", "requires_grad": True, "reached": True, "zero_grad_steps": 30, "deep_steps": 30}
    >>> zero_gradient(Facts.of({**dead, "elements": 64, "in_optimizer": True}))[0].message
    'the gradient of 1 parameter (0.weight) is exactly zero in all 30 sampled steps: 100% of the trainable elements'

    ## Known problems
    Embeddings of tokens that never occur, experts that are never chosen, and gates that begin at zero have zero
    gradients for a while: only what is zero in every sampled step counts, and embeddings do not.

    ## References
    Catalogue: exactly zero for 20 steps.
    """
    trainable = [p for p in parameters if p.get("requires_grad") is True and p.get("in_optimizer") is not False]
    total = sum(number(p, "elements") or 0.0 for p in trainable)
    dead = []
    for p in trainable:
        zero, seen = number(p, "zero_grad_steps"), number(p, "deep_steps")
        sparse = "Embedding" in str(p.get("layer_type")) or p.get("module_called") is False
        if zero is not None and seen and zero >= max(seen, patience) and p.get("reached") is not False and not sparse:
            dead.append(p)
    if not dead or not total:
        return
    part = sum(number(p, "elements") or 0.0 for p in dead) / total
    names = [str(p.get("name")) for p in dead]
    many = "parameters" if len(names) > 1 else "parameter"
    message = (
        f"the gradient of {len(names)} {many} ({listed(names)}) is exactly zero in all "
        f"{number(dead[0], 'deep_steps'):g} sampled steps: {part:.0%} of the trainable elements"
    )
    place = next((location_of(node) for node in graph or () if node.get("op") in _STEPS), None)
    severity: Severity | None = "note" if part < share else None
    yield Finding(message, names[0], 0, part, share, place, {"parameters": names[:50]}, severity, 0.8)
