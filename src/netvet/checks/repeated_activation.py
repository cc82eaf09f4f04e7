"""The same activation twice in a row."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, Severity, check, location_of
from netvet.stats import autograd_nodes

# Doing these twice changes the result (ReLU and hard limits twice are the same as once: no harm).
_CHANGING = ("Sigmoid", "Tanh", "Softmax", "Gelu", "Silu", "Mish", "Elu", "Celu", "Softplus", "LeakyRelu", "LogSigmoid")
_IDEMPOTENT = ("Relu",)
_VIEWS = ("View", "UnsafeView", "Transpose", "Permute", "Squeeze", "Unsqueeze", "Clone", "NativeDropout")


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="places [count]",
    fixes={"remove-activation": "Apply the activation once: in the layer or in forward, not in both."},
)
def repeated_activation(graph: Facts) -> Iterator[Finding]:
    """An activation is applied to the output of the same activation.

    ## Why it matters
    A sigmoid of a sigmoid lies between 0.5 and 0.73, a tanh of a tanh within 0.76: the layer loses most of its range
    and of its gradient. It is nearly always an activation in the layer and once more in forward.

    ## Example
    >>> from netvet.core import Facts
    >>> nodes = [{"id": 0, "op": "Sigmoid", "next": [1], "module": "fc2"}, {"id": 1, "op": "Sigmoid", "next": []}]
    >>> repeated_activation(Facts.of(*nodes))[0].message
    'sigmoid is applied to the output of sigmoid at 1 place (fc2)'

    ## Known problems
    ReLU of ReLU changes nothing and is a note. Log-softmax of log-softmax is not looked at: it changes nothing either.

    ## References
    1 / (1 + exp(-1)) = 0.731, tanh(1) = 0.762.
    """
    found: dict[str, list[tuple[object, str]]] = {}
    places: dict[str, Location | None] = {}
    for nodes in autograd_nodes(graph):
        for node in nodes.values():
            op = str(node.get("op"))
            before = node
            while op in (*_CHANGING, *_IDEMPOTENT) and len(before.get("next") or ()) == 1:
                before = nodes.get(before["next"][0], {})
                if before.get("op") not in _VIEWS:
                    break
            if before is not node and before.get("op") == op:
                key = (node.get("line") or node["id"], str(node.get("module") or "outside modules"))
                if key not in found.setdefault(op, []):
                    found[op].append(key)
                places.setdefault(op, location_of(node))
    for op, where in found.items():
        count = f"{len(where)} place{'s' if len(where) > 1 else ''}"
        names = list(dict.fromkeys(name for _, name in where))
        message = f"{op.lower()} is applied to the output of {op.lower()} at {count} ({', '.join(names[:3])})"
        severity: Severity | None = "note" if op in _IDEMPOTENT else None
        yield Finding(
            message,
            names[0],
            0,
            len(where),
            0.0,
            places[op],
            {"modules": names[:50]},
            severity=severity,
            confidence=1.0,
        )
