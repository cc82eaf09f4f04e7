"""Biases that the following norm removes."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import autograd_nodes

_NORMS = ("NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm")
_VIEWS = ("View", "UnsafeView", "Transpose", "Permute")


@check(
    stage="skeleton",
    kind="cause",
    severity="note",
    since="0.1",
    measures="biases [count]",
    fixes={"no-bias": "Say bias=False in the layer before the norm: the norm has a bias of its own."},
)
def bias_before_norm(graph: Facts) -> Iterator[Finding]:
    """A layer has a bias, and the batch norm behind it subtracts it again.

    ## Why it matters
    It does no harm: a few parameters get no gradient and cost memory and time.

    ## Example
    >>> from netvet.core import Facts
    >>> norm = {"id": 0, "op": "NativeBatchNorm", "next": [1]}
    >>> conv = {"id": 1, "op": "Convolution", "next": [2]}
    >>> bias = {"id": 2, "op": "AccumulateGrad", "next": [], "parameter": "conv.bias", "shape": [8]}
    >>> bias_before_norm(Facts.of(norm, conv, bias))[0].message
    '1 bias (conv.bias) is removed by the batch norm that follows it'

    ## Known problems
    A norm in eval mode keeps the bias, and layer or group norm remove only its mean: only batch norm is looked at.

    ## References
    Ioffe and Szegedy 2015, section 3.2: the bias can be ignored, as the mean subtraction cancels it.
    """
    names: list[str] = []
    place = None
    for nodes in autograd_nodes(graph):
        for norm in nodes.values():
            if norm.get("op") not in _NORMS or (norm.get("saved") or {}).get("training") is False:
                continue
            before = nodes.get(next(iter(norm.get("next") or ()), -1), {})
            while before.get("op") in _VIEWS and before.get("next"):
                before = nodes.get(before["next"][0], {})
            if before.get("op") not in ("Convolution", "Addmm"):
                continue
            leaves = [nodes[i] for i in before.get("next") or () if i in nodes]
            found = [str(x["parameter"]) for x in leaves if x.get("parameter") and len(x.get("shape") or ()) == 1]
            names += [name for name in found if name not in names]
            place = place or location_of(before, "created", "")
    if names:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        text = "biases ({}) are removed by the batch norms that follow them"
        text = text if len(names) > 1 else "bias ({}) is removed by the batch norm that follows it"
        message = f"{len(names)} {text.format(shown)}"
        yield Finding(message, names[0], 0, len(names), 0.0, place, {"biases": names[:50]}, confidence=1.0)
