"""Positions averaged in front of the head."""

from __future__ import annotations

import math
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import functional, is_module, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.graph import Graph, graphs
from netvet.fixes.modules import holder as holder_of
from netvet.fixes.modules import insert_layer, made, of_class, prefix
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, called

FLATTENING = ("View", "UnsafeView", "Reshape", "ReshapeAlias", "Flatten")
CALLS = ("flatten", "view", "reshape", "Flatten")
SIDES = (1, 2)  # positions that are left along each axis
DEEP = 4  # operations between the flattening and the layer: dropout, activation


@fix(title="positions averaged in front of the head", mends=("oversized-head", "overfitting"))
def pool(program: Program) -> Iterator[Editor]:
    """Average over all positions before they are flattened for the head; then over each quarter.

    ## What it changes
    An `AdaptiveAvgPool2d` in front of the line or layer that flattens, and the number of inputs of the layer behind it.

    ## Known problems
    What only its place tells apart, as of a small digit, is lost by an average over all places.

    ## References
    Lin, Chen and Yan, "Network in network" (2014), section 3.2: global average pooling.
    """
    head, maps = _head(program)
    channels, *positions = maps["output_shape"][1:]
    flatten = _flattening(program, head)
    for side in SIDES:
        if math.prod(positions) <= side ** len(positions):
            continue
        editor = program.editor(f"an average over positions, {'one' if side == 1 else f'{side} a side'} left")
        inputs = int(channels) * side ** len(positions)
        set_argument(editor, made(program, head), "in_features", str(inputs), 0)
        _pool(editor, flatten, len(positions), side, inputs)
        yield editor


def _head(program: Program) -> tuple[Record, Record]:
    """The largest linear layer whose inputs are the positions of a map, and the layer that gives the map."""
    several = [m for m in program.facts("modules") if m.get("is_leaf", True) and m.get("order") is not None]
    for head in sorted(of_class(program, "Linear"), key=lambda m: -int(m.get("parameters") or 0)):
        inputs = (head.get("input_shape") or (0,))[-1]
        before = [m for m in several if m.get("model") == head.get("model") and m["order"] < (head.get("order") or 0)]
        maps = [m for m in before if len(m.get("output_shape") or ()) in (3, 4)]
        last = max(maps, key=lambda m: int(m["order"]), default=None)
        shape = tuple(last["output_shape"][1:]) if last is not None else (0,)
        flat = len(head.get("input_shape") or ()) == 2 and math.prod(shape) == inputs
        if last is not None and flat and math.prod(shape[1:]) > 1:
            return head, last
    raise NotApplicable("no linear layer is given all positions of a map")


def _flattening(program: Program, head: Record) -> Site:
    """The call that flattens what enters a layer."""
    for graph in graphs(program):
        for node in graph.nodes.values():
            if graph.weight(node) == f"{head.get('name')}.weight":
                found = _below(graph, node)
                if found is not None:
                    return program.site(found, *CALLS, prefix="created_" if found.get("created_file") else "")
    raise NotApplicable("the line that flattens the map is not known")


def _below(graph: Graph, node: Record) -> Record | None:
    one: Record | None = node
    for _ in range(DEEP):
        below = [graph.nodes[i] for i in (one or {}).get("next") or () if i in graph.nodes]
        below = [n for n in below if n.get("op") not in ("AccumulateGrad", "T", "Transpose", "Permute")]
        one = below[0] if len(below) == 1 else None
        if one is None or one.get("op") in FLATTENING:
            return one
    return None


def _pool(editor: Editor, site: Site, axes: int, side: int, inputs: int) -> None:
    file, call = site.file, site.call
    if called(call) == "Flatten":
        place = holder_of(site)
        if place is None:
            raise NotApplicable("the layer that flattens does not stand in a Sequential")
        insert_layer(editor, file, place, f"{prefix(site)}AdaptiveAvgPool{axes}d({side})", front=True)
        return
    method = isinstance(call.func, cst.Attribute) and not is_module(call.func.value, file)
    value = call.func.value if method and isinstance(call.func, cst.Attribute) else call.args[0].value
    sizes = [a.value for a in call.args][0 if method else 1 :]
    if called(call) in ("view", "reshape") and (len(sizes) != 2 or any(a.keyword for a in call.args)):
        raise NotApplicable("what is flattened is not written as two sizes")
    if called(call) != "flatten" and file.code(sizes[-1]) != "-1":
        editor.replace(file, sizes[-1], str(inputs))
    editor.replace(file, value, f"{functional(file)}.adaptive_avg_pool{axes}d({{}}, {side})")
    if functional(file).startswith("torch"):
        editor.require(file, "torch", "import torch")
