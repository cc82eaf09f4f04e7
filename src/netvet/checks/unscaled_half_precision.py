"""float16 training without loss scaling, or with a scaler that keeps skipping steps."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="gradient elements that are 0 [share]",
    explained_by=("non-finite-input", "unsafe-loss-arithmetic"),
    fixes={
        "grad-scaler": "Scale the loss with torch.amp.GradScaler: scale(loss).backward(), unscale_, step, update.",
        "bfloat16": "Use bfloat16, which has the range of float32 and needs no scaler.",
    },
)
def unscaled_half_precision(
    precision: Facts,
    scalers: Facts | None = None,
    backwards: Facts | None = None,
    *,
    flushed: float = 0.01,  # catalogue: share of gradient elements that are exactly zero
    skipped: float = 0.01,  # share of steps after the first tenth; a healthy scaler skips about 1 in 2,000
    patience: int = 5,  # skipped steps after that; the first dozen only find the scale
) -> Iterator[Finding]:
    """Gradients in float16 underflow to zero because the loss is not scaled.

    ## Why it matters
    float16 has no numbers between 0 and 6e-8. Small gradients become exactly zero, and what should learn slowly learns
    nothing. A scaler multiplies the loss so that they fit; one that skips steps all the time wastes them instead.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"autocast": "float16", "half_without_scaler": True, "underflow_share": 0.4})
    >>> unscaled_half_precision(sick)[0].message
    'float16 gradients are computed without loss scaling, and 40% of their elements are exactly 0'

    ## Known problems
    bfloat16 needs no scaler, and evaluation in float16 none either. A loss that is scaled by hand shows few zeros: a
    note. Dead units and blank pixels have zero gradients too, so zeros alone prove nothing.

    ## References
    Micikevicius et al., arXiv:1710.03740; torch.amp.GradScaler (initial scale 65536, doubled every 2,000 steps).
    """
    for record in precision:
        if record.get("half_without_scaler") is not True:
            continue
        share = number(record, "underflow_share")
        zeros = "" if share is None else f", and {share:.0%} of their elements are exactly 0"
        message = f"float16 gradients are computed without loss scaling{zeros}"
        place = location_of(next(iter(backwards or ()), None)) or location_of(record)
        severity: Severity = "warning" if share is not None and share > flushed else "note"
        yield Finding(message, None, 0, share, flushed, place, severity=severity)
    for scaler in scalers or ():
        share, steps = number(scaler, "skipped_after_warmup"), number(scaler, "steps")
        if share is None or not steps or share <= skipped or share * steps * 0.9 < patience:
            continue
        reason = "their gradients were not finite"
        message = f"the GradScaler skipped {share:.0%} of the steps after the first tenth: {reason}"
        severity = "error" if share > 0.5 else "warning"  # beyond half, most of the training is thrown away
        yield Finding(message, "GradScaler", None, share, skipped, location_of(scaler), severity=severity)
