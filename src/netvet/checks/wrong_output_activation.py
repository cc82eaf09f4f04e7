"""A last activation that cannot reach the targets."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number

_REGRESSION = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_LOWEST = {"relu": 0.0, "sigmoid": 0.0, "softmax": 0.0, "softplus": 0.0, "tanh": -1.0, "threshold": 0.0}
_HIGHEST = {"sigmoid": 1.0, "softmax": 1.0, "tanh": 1.0}
_NO_PROBABILITIES = ("relu", "tanh", "softsign", "elu", "selu", "softplus", "leaky_relu", "gelu", "silu", "exponential")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=("unscaled-target",),
    fixes={
        "sigmoid": "Of one output make a sigmoid, not a softmax: softmax compares outputs with each other.",
        "remove-activation": "Leave the last layer linear, or bring the targets into the range of its activation.",
    },
)
def wrong_output_activation(
    losses: Facts,
    *,
    outside: float = 0.1,  # of the target's std: by so much its range must pass what the output can reach
) -> Iterator[Finding]:
    """The activation of the last layer cannot give the values that the loss asks for.

    ## Why it matters
    Outputs behind a ReLU, a sigmoid or a tanh stay within its range. Targets outside it can never be met, and where the
    activation is flat the gradient is zero. A softmax over a single output is always 1.

    ## Example
    >>> from netvet.core import Facts
    >>> target = {"min": -2.1, "max": 2.3, "std": 1.0, "mean": 0.0}
    >>> sick = Facts.of({"function": "mse_loss", "phase": "train", "input_op": "relu", "target": target,
    ...                  "target_requires_grad": False})
    >>> wrong_output_activation(sick)[0].message
    'the output behind relu is never below 0, but the targets of mse_loss go from -2.1 to 2.3'

    ## Known problems
    Activations that cover the targets (images in 0 to 1 behind a sigmoid, counts behind a softplus) are right. Features
    that are matched in distillation are silent: their target is computed by a net and needs no such range.

    ## References
    Goodfellow et al., Deep Learning, 6.2.2: output units follow from the distribution of the target.
    """
    for record in losses:
        if record.get("phase") != "train" or record.get("feeds_backward") is False:
            continue
        function, op = record.get("function"), str(record.get("input_op"))
        if op == "softmax" and _alone(record):
            message = "softmax over one output is 1 whatever the net computes: nothing can be learned"
            yield _finding(record, message, confidence=1.0)
        elif function in ("cross_entropy", "binary_cross_entropy_with_logits") and op == "relu":
            classes = number(record, "classes")
            if function == "cross_entropy" and (classes or 0) < 2:
                continue
            message = f"relu makes the logits of {function}: whatever is negative becomes 0 and has no gradient"
            yield _finding(record, message, severity="warning", confidence=0.9)
        elif record.get("takes") == "probabilities" and op in _NO_PROBABILITIES and not record.get("in_unit_interval"):
            name, share = record.get("called") or function, number(record, "outside_share") or 0.0
            message = f"{op} makes what {name} takes for probabilities: {share:.0%} of the values are not in 0 to 1"
            yield _finding(record, message, confidence=0.9)
        elif function in _REGRESSION and op in _LOWEST and record.get("target_requires_grad") is False:
            yield from _out_of_reach(record, op, outside)


def _alone(record: Record) -> bool:
    """The axis of the softmax has one element, as the classes of a yes or no that one unit gives."""
    given = record.get("input") or {}
    shape, axis = list(given.get("shape") or ()), record.get("input_dim")
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape) or record.get("input_reshaped"):
        return False
    return bool(shape[axis] == 1 and given.get("min") == given.get("max") == 1.0)


def _out_of_reach(record: Record, op: str, outside: float) -> Iterator[Finding]:
    target = record.get("target") or {}
    low, high, std = number(target, "min"), number(target, "max"), number(target, "std")
    if low is None or high is None or not std:
        return
    below = low < _LOWEST[op] - outside * std
    above = high > _HIGHEST.get(op, float("inf")) + outside * std
    if not below and not above:
        return
    limit = f"never below {_LOWEST[op]:g}" if below else f"never above {_HIGHEST[op]:g}"
    message = (
        f"the output behind {op} is {limit}, but the targets of {record.get('function')} go from {low:g} to {high:g}"
    )
    yield _finding(record, message, confidence=0.9)


def _finding(record: Record, message: str, *, confidence: float, severity: Severity | None = None) -> Finding:
    made = location_of(record, "input")
    place = made or location_of(record)
    evidence = {"input_op": record.get("input_op")}
    return Finding(
        message, record.get("site"), 0, location=place, evidence=evidence, severity=severity, confidence=confidence
    )
