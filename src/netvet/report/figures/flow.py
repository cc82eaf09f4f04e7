"""The autograd graph, put together to the modules whose operations it is made of."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from operator import itemgetter
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
        calls: how many rounds of a loop it stands for.
        places: lines of the script that call its operations.
    """

    module: str | None
    ops: list[str] = field(default_factory=list)
    inputs: dict[Key, None] = field(default_factory=dict)
    calls: int = 1
    places: dict[str, None] = field(default_factory=dict)


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
    names = {number: name_of(node, depth) for number, node in by_id.items()}
    made: dict[Key, Piece] = {}
    # The pieces that each node's inputs are in, looking through nodes that are in none.
    reached: dict[int, tuple[Key, ...]] = {}
    # Operations on weights, which belong to the piece that uses them.
    waiting: dict[int, dict[str, None]] = {}
    inner = weights_inside(by_id, names)
    for number, node in ordered(by_id):
        name, op = names[number], node.get("op")
        inputs = tuple(dict.fromkeys(key for i in node.get("next") or () for key in reached.get(i, ())))
        # Each once: on the way through branches that meet again, repeats would double at each meeting.
        ops = dict.fromkeys(one for i in node.get("next") or () for one in waiting.get(i, ()))
        ops |= {} if op in PLUMBING else {str(node.get("function") or op): None}
        if number in inner or (node.get("module") is None and op in PLUMBING):
            reached[number], waiting[number] = inputs, ops
            continue
        key = (name, max((level + (other != name) for other, level in inputs), default=0))
        reached[number] = (key,)
        piece = made.setdefault(key, Piece(shortened(node.get("module"), depth)))
        piece.ops += ops
        piece.inputs |= {one: None for one in inputs if one != key}
        piece.places |= {f"{node['file']}:{node['line']}": None} if node.get("file") and node.get("line") else {}
    return telling(made)


def by_calls(modules: Sequence[Record], depth: int | None) -> dict[Key, Piece]:
    """The modules of one root in the order of their first calls, where no graph was recorded.

    Two that follow each other are joined where the one can take in what the other gives out.
    """
    names = [str(one.get("name")) for one in modules if isinstance(one.get("order"), int)]
    insides = {name.rpartition(".")[0] for name in names}
    leaves = [m for m in modules if isinstance(m.get("order"), int) and m.get("name") not in insides]
    leaves = [one for one in leaves if one.get("name") != one.get("model") or len(leaves) == 1]
    made: dict[Key, Piece] = {}
    last: tuple[Key, Record] | None = None
    for record in sorted(leaves, key=itemgetter("order")):
        name = shortened(record.get("name"), depth) or ""
        if last is None or last[0][0] != name:
            key = (name, len(made))
            made[key] = Piece(name, inputs={last[0]: None} if last is not None and fits(last[1], record) else {})
        last = key, record
    return made


def fits(source: Record, target: Record) -> bool:
    """Whether a module may take in what another gives out: as many numbers."""
    given, taken = source.get("output_shape"), target.get("input_shape")
    return isinstance(given, list) and isinstance(taken, list) and math.prod(given) == math.prod(taken)


def telling(pieces: Mapping[Key, Piece]) -> dict[Key, Piece]:
    """Without pieces that only arrange numbers anew for a module that computes elsewhere, and looking through them."""
    computing = {name for (name, _), piece in pieces.items() if piece.ops}
    made: dict[Key, Piece] = {}
    through: dict[Key, dict[Key, None]] = {}
    for key, piece in pieces.items():
        piece.inputs = {found: None for one in piece.inputs for found in through.get(one, {one: None})}
        if piece.ops or key[0] not in computing:
            made[key] = piece
        else:
            through[key] = piece.inputs
    return made


def folded(pieces: Mapping[Key, Piece], repeats: int, weighted: Collection[str]) -> dict[Key, Piece]:
    """The same, with what a loop runs again and again as one piece each, where the script runs weights in a loop.

    Edges that lead back to an earlier piece are left out, so that there is still no way round in a circle.

    Args:
        pieces: inputs before outputs.
        repeats: as many calls of one module are no loop.
        weighted: modules with weights; one without is often shared by layers that are no loop.
    """
    calls = Counter(name for name, _ in pieces)
    many = {name for name, count in calls.items() if count > repeats}
    if not many.intersection(weighted):
        return dict(pieces)
    first: dict[str, Key] = {}
    for key in pieces:
        first[key[0]] = min(key, first.get(key[0], key))
    place = {key: first[key[0]] if key[0] in many else key for key in pieces}
    made: dict[Key, Piece] = {}
    for key, piece in pieces.items():
        one = made.setdefault(place[key], Piece(piece.module, calls=calls[key[0]] if key[0] in many else 1))
        one.ops += [op for op in piece.ops if op not in one.ops]
        one.places |= piece.places
        one.inputs |= {place[before]: None for before in piece.inputs if place[before][1] < place[key][1]}
    return made


def name_of(node: Record, depth: int | None) -> str:
    """What a node counts as: its module, and outside of all modules the function that made it."""
    return shortened(node.get("module"), depth) or f"({node.get('function') or node.get('op')})"


def weights_inside(by_id: Mapping[int, Record], names: Mapping[int, str]) -> set[int]:
    """Nodes that only prepare weights for others of their module (a transposed matrix), and the weights themselves."""
    used: dict[int, set[str]] = {}
    for number, node in by_id.items():
        for i in node.get("next") or ():
            used.setdefault(i, set()).add(names[number])
    found: set[int] = set()
    for number, node in ordered(by_id):
        inputs = node.get("next") or ()
        prepares = bool(inputs) and found.issuperset(inputs) and used.get(number) == {names[number]}
        if prepares or node.get("op") == "AccumulateGrad":
            found.add(number)
    return found


def ordered(by_id: Mapping[int, Record]) -> Iterable[tuple[int, Record]]:
    """Numbers and nodes, inputs before what is made of them."""
    inputs = {number: [i for i in node.get("next") or () if i in by_id] for number, node in by_id.items()}
    return ((number, by_id[number]) for number in TopologicalSorter(inputs).static_order())


def shortened(module: Any, depth: int | None) -> str | None:
    """The path of a module, cut off after so many names."""
    if module is None:
        return None
    names = str(module).rstrip(".").split(".")
    return ".".join(names if depth is None else names[:depth])
