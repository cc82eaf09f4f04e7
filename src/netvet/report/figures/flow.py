"""The autograd graph, put together to the modules whose operations it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

from netvet.core import Record

# Operations that only arrange numbers anew, which nobody would look for in a picture.
PLUMBING = {
    "View", "UnsafeView", "T", "Transpose", "Permute", "Squeeze", "Unsqueeze", "Expand", "Clone", "Alias", "AsStrided",
    "Slice", "Select", "Split", "SplitWithSizes", "Unbind", "Chunk", "ToCopy", "ReshapeAlias", "AccumulateGrad",
}  # fmt: skip


@dataclass(slots=True)
class Piece:
    """Operations of one module that run without another in between.

    Attributes:
        module: its path, shortened where the whole graph would be too large; None outside of all modules.
        ops: names of its operations from input to output, and functions that made them.
        inputs: keys of the pieces that it computes from.
    """

    module: str | None
    ops: list[str] = field(default_factory=list)
    inputs: dict[Key, None] = field(default_factory=dict)


Key = tuple[str, int]


def pieces_of(nodes: Sequence[Record], depth: int | None) -> dict[Key, Piece]:
    """The graph of one backward site as pieces, inputs before outputs; there is no way round in a circle.

    A node's level is one more than that of any input from another module, so that nodes of one module and one level
    can be one piece: every edge between pieces leads to a higher level.

    Args:
        nodes: records of the signal `graph`.
        depth: modules inside of a module so many names deep count as it; None for all.
    """
    by_id = {int(node["id"]): node for node in nodes}
    made: dict[Key, Piece] = {}
    keys: dict[int, Key] = {}
    for node in ordered(by_id):
        if node.get("op") == "AccumulateGrad":
            continue
        module = shortened(node.get("module"), depth)
        name = module or f"({node.get('function') or node.get('op')})"
        inputs = [keys[i] for i in node.get("next") or () if i in keys]
        level = max((one[1] + (one[0] != name) for one in inputs), default=0)
        key = keys[int(node["id"])] = (name, level)
        piece = made.setdefault(key, Piece(module))
        if node.get("op") not in PLUMBING:
            piece.ops.append(str(node.get("function") or node.get("op")))
        piece.inputs |= {one: None for one in inputs if one != key}
    return without_plumbing(made)


def ordered(by_id: Mapping[int, Record]) -> Iterable[Record]:
    """Nodes with their inputs before them."""
    inputs = {number: [i for i in node.get("next") or () if i in by_id] for number, node in by_id.items()}
    return (by_id[number] for number in TopologicalSorter(inputs).static_order())


def shortened(module: Any, depth: int | None) -> str | None:
    """The path of a module, cut off after so many names."""
    if module is None:
        return None
    return str(module) if depth is None else ".".join(str(module).split(".")[:depth])


def without_plumbing(made: dict[Key, Piece]) -> dict[Key, Piece]:
    """Leave out pieces outside of modules that compute nothing, and join what they join."""
    for key in [key for key, piece in made.items() if piece.module is None and not piece.ops]:
        gone = made.pop(key)
        for piece in made.values():
            if key in piece.inputs:
                del piece.inputs[key]
                piece.inputs |= {one: None for one in gone.inputs if one != key}
    return made
