"""Gradients that are clipped at nearly every step."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number

# Their step is proportional to the gradient; Adam and its kin divide the scale out.
_SCALE_SENSITIVE = ("SGD", "ASGD")


@check(
    stage="skeleton",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="clipped gradients [share]",
    explained_by=(
        "exploding-gradient",
        "unreduced-loss",
        "unscaled-input",
        "unscaled-target",
        "badly-scaled-init",
        "lr-too-high",
        "missing-zero-grad",
        "wrong-call-order",
        "regularisation-dominates",
        "mismatched-loss",
        "label-out-of-range",
        "unsafe-loss-arithmetic",
        "missing-warmup",
        "wrong-final-bias",
    ),
    fixes={
        "raise-max-norm": "Set max_norm just above the usual norm of the gradient, so that only outliers are clipped.",
        "find-source": "Look for the source of the large gradients (summed loss, unscaled input or target).",
    },
    experiments=("lr-range",),
)
def always_clipped(
    clips: Facts,
    optimizers: Facts | None = None,
    *,
    limit: float = 0.9,  # catalogue: share of calls after the first tenth
    times: float = 10.0,  # SGD then takes steps ten times shorter than its learning rate says
    patience: int = 20,  # calls
) -> Iterator[Finding]:
    """The gradient is above the clipping limit at nearly every step.

    ## Why it matters
    Clipping that always acts is no protection against outliers: it replaces the gradient by its direction, or by its
    signs. With SGD the length of each step is then set by the limit alone.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"max_norm": 0.01, "calls": 300, "clipped_after_warmup": 1.0, "norm_median": 1.2})
    >>> always_clipped(sick, Facts.of({"name": "SGD", "cls": "SGD", "steps": 300}))[0].message
    'after warm-up 100% of the gradients were clipped, from a norm of 1.2 to 0.01, so SGD takes steps 120 times shorter'

    ## Known problems
    Adam and its kin do not care about the scale, and proximal policy optimisation or language models are often clipped
    all the time: a note. So is SGD whose gradient is only a few times above the limit.

    ## References
    Zhang et al., arXiv:1905.11881 (clipping as normalised descent).
    """
    sensitive = [o for o in optimizers or () if o.get("cls") in _SCALE_SENSITIVE and o.get("steps")]
    for clip in clips:
        share, norm, bound = (number(clip, k) for k in ("clipped_after_warmup", "norm_median", "max_norm"))
        if share is None or norm is None or not bound or share < limit or (number(clip, "calls") or 0) < patience:
            continue
        factor = norm / bound
        if clip.get("kind") == "value":
            factor = number(clip, "shortened") or 1.0
            bound = norm / factor
        message = f"after warm-up {share:.0%} of the gradients were clipped, from a norm of {norm:.3g} to {bound:.3g}"
        hurts = bool(sensitive) and factor > times
        if hurts:
            message += f", so {sensitive[0].get('name')} takes steps {factor:.3g} times shorter"
        yield Finding(message, clip.get("kind"), 0, share, limit, location_of(clip), severity=None if hurts else "note")
