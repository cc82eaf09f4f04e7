"""The operation that made the first NaN or infinity out of finite numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number

# exp overflows float32 above log(3.4e38).
_EXP_LIMIT = 88.7
# Weights or losses of this size have exploded before: then the arithmetic is the victim and not the culprit.
_EXPLODED = 1e6
_LOGARITHMS = ("log", "log2", "log10", "log1p", "logit", "xlogy")
_ROOTS = ("sqrt", "rsqrt", "pow", "norm", "linalg_vector_norm", "cdist", "dist", "std")
_DIVISIONS = ("div", "truediv", "true_divide", "reciprocal", "divide", "rtruediv", "rdiv")
_MEANS = ("mean", "nanmean", "std", "var", "nll_loss", "nll_loss_nd", "cross_entropy", "median")
_ARCS = ("acos", "asin", "arccos", "arcsin", "atanh", "acosh", "erfinv", "tan")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=("non-finite-input",),
    fixes={
        "fused-loss": "Use the fused form on logits: cross_entropy, binary_cross_entropy_with_logits, logsumexp.",
        "clamp-operand": "Keep the operand off the edge: log(p.clamp_min(1e-8)), sqrt(x + 1e-8), a / (b + 1e-8).",
    },
)
def unsafe_loss_arithmetic(
    first_non_finite: Facts | None = None, graph: Facts | None = None, scalers: Facts | None = None
) -> Iterator[Finding]:
    """An operation was used where it has no finite value or no finite gradient.

    ## Why it matters
    log(0), 0/0, the slope of a square root at 0, or exp of a large number make NaN or infinity. One such number in the
    gradient makes all weights NaN, and the run is lost from that step on.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"step": 12, "op": "log", "phase": "forward", "operand_min": 0.0, "operand_max": 0.98})
    >>> unsafe_loss_arithmetic(sick)[0].message
    'log made the first NaN or infinity at step 12: its operand reaches down to 0'

    ## Known problems
    Infinities on purpose (masked logits, dynamic programming in log space) are no fault while loss and gradient stay
    finite. Input that was not finite, and weights that had exploded before, are other faults. A GradScaler meets
    infinite gradients now and then and skips the step.

    ## References
    PyTorch issues 83117 and 182156 (where anomaly detection names the wrong line).
    """
    for record in first_non_finite or ():
        if record.get("from_input") or record.get("from_weights") or (scalers and record.get("phase") == "backward"):
            continue
        op = _name(record)
        reason = _reason(op, record)
        if reason:
            step, backward = record.get("step"), record.get("phase") == "backward"
            what = f"the gradient of {op}" if backward else op
            message = f"{what} made the first NaN or infinity at step {step}: {reason}"
            yield Finding(message, record.get("module") or op, step, location=location_of(record), confidence=1.0)
            return
    yield from _latent(graph or Facts())


def _name(record: Record) -> str:
    plain = re.sub(r"Backward\d*$", "", str(record.get("op"))).strip("_")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", plain).lower()


def _reason(op: str, record: Record) -> str | None:
    """Why this operation is not finite there, in words; None if it is not the one to blame."""
    low, high = number(record, "operand_min"), number(record, "operand_max")
    if low is None or high is None:
        return "it is taken over no element" if op in _MEANS and record.get("phase") != "backward" else None
    size = max(abs(low), abs(high))
    if op in ("exp", "expm1", "exp2", "sinh", "cosh") and _EXP_LIMIT * 0.1 < high < _EXPLODED:
        return f"its operand reaches {high:.3g}, and exp overflows float32 above {_EXP_LIMIT:g} (float16 above 11)"
    if size > _EXPLODED:
        return None
    if op in _LOGARITHMS and (low <= (-1 if op == "log1p" else 1e-37) or (op == "logit" and high >= 1)):
        return f"its operand reaches down to {low:.3g}" + (f" and up to {high:.3g}" if op == "logit" else "")
    if op in _ROOTS and low <= 1e-37:
        return f"its operand reaches down to {low:.3g}, where its slope is infinite"
    if op in _DIVISIONS and low <= 1e-30 and high >= -1e-30:
        return f"its divisor lies between {low:.3g} and {high:.3g}, which includes 0"
    if op in _ARCS:
        return f"its operand lies between {low:.3g} and {high:.3g}, the edge of where it has a finite slope"
    return "all targets are ignored, or it is taken over no element" if op in _MEANS else None


def _latent(graph: Facts) -> Iterator[Finding]:
    """A logarithm right behind a softmax or sigmoid: nothing has happened yet, but large logits give log(0)."""
    nodes = {(n.get("backward"), n.get("id")): n for n in graph}
    for node in graph:
        for below in (nodes.get((node.get("backward"), i)) for i in node.get("next") or ()):
            if _name(node) == "log" and below is not None and _name(below) in ("softmax", "sigmoid"):
                message = (
                    f"log of a {_name(below)} underflows to log(0) for large logits; nothing has gone wrong so far"
                )
                yield Finding(message, node.get("module"), location=location_of(node), severity="note", confidence=0.9)
                return
