"""Gradient clipping that does not limit the gradient."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number

# People pass an infinite or absurd limit only to read the norm.
_NO_LIMIT = 1e6


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="calls without a gradient [count]",
    explained_by=("wrong-call-order", "stale-optimizer"),
    fixes={
        "clip-last": "Clip once, after the last backward of the step (and after unscale_) and right before step.",
        "clip-all": "Hand all parameters to the clipping: clip_grad_norm_(model.parameters(), max_norm).",
    },
)
def ineffective_clip(
    clips: Facts,
    *,
    excess: float = 2.0,  # norm after clipping over max_norm; below, rounding and a few late terms explain it
    empty: float = 0.9,  # share of calls without any gradient
    patience: int = 3,  # calls
) -> Iterator[Finding]:
    """The gradients are clipped, but what the optimizer gets is not limited.

    ## Why it matters
    Clipping is there to survive a rare huge gradient. When it sees no gradient, only some of the parameters, or an
    earlier state of the gradients, that protection is not there although the code says so.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"kind": "norm", "max_norm": 1.0, "calls": 200, "empty_calls": 200})
    >>> ineffective_clip(sick)[0].message
    'clipping to 1 found no gradient in 200 of 200 calls, so it never limits anything'

    ## Known problems
    A limit that is never reached is a safety net and no fault. An infinite limit only reads the norm. Clipping one part
    of a model on purpose (the recurrent layers) or each part by itself is legal: a note, or silent.

    ## References
    Pascanu et al., arXiv:1211.5063 (norm clipping); DeepSpeed issue 5150 (a clip that never clipped).
    """
    for clip in clips:
        limit, calls = number(clip, "max_norm"), number(clip, "calls") or 0.0
        if limit is None or limit >= _NO_LIMIT or limit <= 0 or calls < patience:
            continue
        sites = sum(1 for c in clips if number(c, "max_norm") is not None)
        found = _fault(clip, limit, calls, sites, excess, empty)
        if found:
            message, value, severity, sure = found
            yield Finding(
                message, clip.get("kind"), 0, value, limit, location_of(clip), severity=severity, confidence=sure
            )


def _fault(
    clip: Record, limit: float, calls: float, sites: int, excess: float, empty: float
) -> tuple[str, float, Severity, float] | None:
    blank, after, covers = number(clip, "empty_calls") or 0.0, number(clip, "norm_after"), number(clip, "covers")
    position, to = clip.get("position"), f"clipping to {limit:g}"
    if blank >= empty * calls:
        message = f"{to} found no gradient in {blank:g} of {calls:g} calls, so it never limits anything"
        return message, blank, "warning", 1.0
    if position in ("before-backward", "after-step"):
        when = "before backward" if position == "before-backward" else "after the step"
        return f"{to} runs {when}, so the optimizer gets the gradient unclipped", after or 0.0, "warning", 0.9
    # Several calls may each limit their own part of the gradient.
    if clip.get("kind") != "norm" or after is None or after <= excess * limit or covers is None or sites > 1:
        return None
    if position == "before-unscale":
        return None
    still = f"the optimizer still gets a norm of {after:.3g}"
    if covers < 0.99:
        return f"{to} covers {covers:.0%} of the parameters; {still}", after, "note", 0.6
    return f"{to} comes before the last gradients are added: {still}", after, "warning", 0.7
