"""Two linear layers in a row with nothing but affine operations between."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import autograd_nodes, consumers, reaches_op, unturned

_LINEAR = ("Addmm", "Mm", "Linear", "Convolution")
_AFFINE = ("View", "UnsafeView", "ReshapeAlias", "Transpose", "T", "Permute", "Squeeze", "Unsqueeze", "Clone", "Add",
           "Sub", "Neg", "NativeDropout", "NativeBatchNorm", "CudnnBatchNorm", "MiopenBatchNorm", "ToCopy")  # fmt: skip
# Projections into recurrent and attention layers, and out of them: a product or a gate follows or came before.
_LEGAL = ("weight_ih", "weight_hh", "in_proj", "q_proj", "k_proj", "v_proj", "out_proj")
_PRODUCTS = ("Bmm", "DotProduct", "Attention")  # attention scores are not linear in what enters them
_PARTS = (*_AFFINE, "Expand", "Split", "SplitWithSizes", "Unbind", "Slice", "Select", "Mul", "Div")
Nodes = dict[int, Record]


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="pairs of layers [count]",
    fixes={"add-activation": "Put an activation (ReLU, GELU, ...) between the two layers, or merge them into one."},
)
def missing_nonlinearity(graph: Facts, parameters: Facts | None = None) -> Iterator[Finding]:
    """Two linear layers follow each other with nothing non-linear between.

    ## Why it matters
    Together they are one linear map: the depth is paid for but buys nothing.

    ## Example
    >>> from netvet.core import Facts
    >>> def linear(at, name, shape, *data):
    ...     weight = {"id": at + 2, "op": "AccumulateGrad", "next": [], "parameter": name, "shape": shape}
    ...     turn = {"id": at + 1, "op": "T", "next": [at + 2]}
    ...     return [{"id": at, "op": "Addmm", "next": [*data, at + 1]}, turn, weight]
    >>> sick = [*linear(0, "fc2.weight", [10, 64], 3), *linear(3, "fc1.weight", [64, 64])]
    >>> missing_nonlinearity(Facts.of(*sick))[0].message
    '1 pair of linear layers (fc1 -> fc2) has nothing but affine operations between: each pair acts as a single layer'

    ## Known problems
    Bottlenecks narrower than both sides (low rank), depthwise and separable convolutions, transposed convolutions,
    tied layers, tables of embeddings, attention and recurrent projections, pooling, skip connections and outputs used
    twice are silent.

    ## References
    Goodfellow et al., Deep Learning, 6.1: a composition of linear maps is linear.
    """
    pairs: dict[tuple[str, str], Record] = {}
    kinds = {str(p.get("name")): str(p.get("layer_type")) for p in parameters or ()}
    for nodes in autograd_nodes(graph):
        users = consumers(nodes)
        for node in nodes.values():
            second = _weight(node, nodes)
            before = second and _linear_before(node, nodes, users)
            if not second or not before or _legal(before[1], second, kinds):
                continue
            if reaches_op(node, users, _PRODUCTS, _PARTS):
                continue
            if not _separable(before[1], before[0], nodes) and not _separable(second, node, nodes):
                pairs.setdefault((_layer(before[1]), _layer(second)), before[0])
    if pairs:
        shown = ", ".join(f"{a} -> {b}" for a, b in list(pairs)[:3]) + (", ..." if len(pairs) > 3 else "")
        many, have = ("pairs", "have") if len(pairs) > 1 else ("pair", "has")
        what = f"{len(pairs)} {many} of linear layers ({shown}) {have} nothing but affine operations between"
        message = f"{what}: each pair acts as a single layer"
        place = location_of(next(iter(pairs.values())))
        yield Finding(message, None, 0, len(pairs), 0.0, place, {"pairs": [list(p) for p in pairs]})


def _weight(node: Record, nodes: Nodes) -> Record | None:
    """The parameter that a linear operation multiplies with."""
    leaves = (unturned(nodes[i], nodes) for i in node.get("next") or () if i in nodes and node.get("op") in _LINEAR)
    return next((x for x in leaves if x.get("parameter") and len(x.get("shape") or ()) >= 2), None)


def _data(node: Record, nodes: Nodes) -> list[Record]:
    """What enters an operation, without parameters."""
    ways = [nodes[i] for i in node.get("next") or () if i in nodes]
    return [way for way in ways if unturned(way, nodes).get("op") != "AccumulateGrad"]


def _linear_before(node: Record, nodes: Nodes, users: dict[int, list[Record]]) -> tuple[Record, Record] | None:
    """The linear operation, and its weight, whose output reaches this one through affine operations only."""
    norm, last = False, _weight(node, nodes)
    while True:
        ways = _data(node, nodes)
        if len(ways) != 1 or len(users.get(ways[0]["id"], ())) != 1:
            return None
        node = ways[0]
        weight = _weight(node, nodes)
        if weight:  # a norm between two blocks may be the end of a deliberate embedding (SimSiam)
            same = last and _layer(last).rpartition(".")[0] == _layer(weight).rpartition(".")[0]
            return (node, weight) if same or not norm else None
        if node.get("op") not in _AFFINE and not ("dropout" in str(node.get("function")) and node.get("op") == "Mul"):
            return None  # on a CPU dropout is a multiplication; one by hand, x * (x > 0), could be an activation
        norm = norm or "BatchNorm" in str(node.get("op"))


def _layer(weight: Record) -> str:
    return str(weight["parameter"]).rpartition(".")[0]


def _legal(a: Record, b: Record, kinds: dict[str, str]) -> bool:
    """Projections, transposed convolutions (upsampling), one layer used twice, and bottlenecks of low rank."""
    names = (str(a["parameter"]), str(b["parameter"]))
    part = any(p in name for p in _LEGAL for name in names)
    part = part or any(kinds.get(n) == "Embedding" for n in names)  # scores against the rows of a table
    low_rank = a["shape"][0] < a["shape"][1] and a["shape"][0] < b["shape"][0]
    return part or names[0] == names[1] or low_rank or any(kinds.get(n, "").startswith("ConvT") for n in names)


def _separable(weight: Record, op: Record, nodes: Nodes) -> bool:
    """A depthwise kernel, or one that is a row or a column; a grey image enters as one channel legally."""
    shape, kernel = weight["shape"], weight["shape"][2:]
    flat = len(kernel) == 2 and min(kernel) == 1 < max(kernel)
    return flat or (len(kernel) > 0 and shape[1] == 1 < shape[0] and bool(_data(op, nodes)))
