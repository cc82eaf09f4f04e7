"""The architecture as a graph: what computes what, how each module fares, and where gradients stop."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.flow import Key, Piece, by_calls, fits, folded, pieces_of, shortened
from netvet.report.figures.predictions import records_of
from netvet.report.figures.spec import Edge, Figure, Graph, Node
from netvet.report.figures.thin import buckets_of
from netvet.report.figures.uncalled import uncalled_of, with_uncalled
from netvet.report.figures.way_into_loss import ways_into

Health = Literal["healthy", "note", "warning", "error", "unknown"]
# A graph of more nodes is drawn without the insides of modules (equal blocks are drawn as one, so there may be many);
# one of more than `MOST` is not drawn.
READABLE, MOST = 240, 400
# A graph shortened to fewer nodes than this shows less than a long one.
TELLING = 4
# A module with weights that is called more often than this for one loss runs in a loop, whose rounds are all alike.
REPEATS = 6
# Losses of a script that have a graph of their own.
LOSSES = 3
# Units of a layer that are dead or saturated for the layer to be called so.
ALMOST_ALL = 0.9
# So many looks with a gradient of exactly zero are no accident of a batch.
LOOKS = 3


@dataclass(slots=True)
class State:
    """How a module fares, and what is told of it.

    Attributes:
        trained: of its parameters, those that are to be trained. `still`: of these, those without a gradient.
        dead: none of its units lets anything through.
    """

    health: Health = "unknown"
    notes: list[str] = field(default_factory=list)
    trained: int = 0
    still: int = 0
    dead: bool = False

    @property
    def blocked(self) -> bool:
        """No gradient arrives at its output."""
        return self.trained > 0 and self.still == self.trained

    def add(self, health: Health, note: str) -> None:
        """Put in what was seen; the worst stays."""
        order: tuple[Health, ...] = ("unknown", "healthy", "note", "warning", "error")
        self.health = max(self.health, health, key=order.index)
        if note and note not in self.notes:
            self.notes.append(note)


def graphs(source: Source) -> Iterator[Figure]:
    """The graphs of the model, and of each the last steps before the loss."""
    made = list(whole_graphs(source))
    yield from made
    yield from ways_into(made, records_of(source, "losses"))


def whole_graphs(source: Source) -> Iterator[Graph]:
    """The graph of the first loss of each backward site; without one, modules in the order of their calls."""
    nodes, modules = records_of(source, "graph"), records_of(source, "modules")
    if not nodes:
        yield from in_order_of_calls(source, modules)
        return
    parameters = records_of(source, "parameters")
    sites = list(dict.fromkeys(str(node.get("backward")) for node in nodes))[:LOSSES]
    reached = {str(one.get("layer")) for one in parameters if one.get("reached")}
    reached |= {str(node.get("module")) for node in nodes}
    told: set[str] = set()
    for number, site in enumerate(sites):
        mine = [node for node in nodes if str(node.get("backward")) == site]
        roots = roots_of(mine, modules) - told
        told |= roots
        absent = [m for m in modules if m.get("model") in roots and is_absent(m, modules, reached)]
        uncalled = uncalled_of(modules, parameters, roots)
        depth = depth_of(mine, [*absent, *uncalled], modules)
        pieces = parts_of(mine, depth, modules)
        if pieces and len(pieces) + len(absent) <= MOST:
            name = f"{site}" if len(sites) > 1 else ""
            about = (
                "What computes what on the way to the loss, from the autograd graph of the first step. Healthy: all "
                "modules are joined; over a broken edge no gradient comes back."
            )
            about += " Of a loop, one round is shown." if any(one.calls > 1 for one in pieces.values()) else ""
            known = Modules(source, modules, parameters, depth)
            yield with_uncalled(drawn(f"model-{number}", name, about, pieces, known, absent), uncalled, known)


def in_order_of_calls(source: Source, modules: Sequence[Record]) -> Iterator[Graph]:
    """Each model as the chain of its modules."""
    about = (
        "Modules in the order of their first calls; which outputs went where was not recorded, so neighbours are "
        "joined where their shapes fit. Healthy: gradients reach every module; over a broken edge none comes back."
    )
    roots = list(dict.fromkeys(str(one.get("model")) for one in modules))[:LOSSES]
    for number, root in enumerate(roots):
        mine = [one for one in modules if one.get("model") == root]
        depths: tuple[int | None, ...] = (None, *range(8, 0, -1))
        depth = next((one for one in depths if len(by_calls(mine, one)) <= READABLE), 1)
        pieces = by_calls(mine, depth)
        if 1 < len(pieces) <= MOST:
            known = Modules(source, mine, records_of(source, "parameters"), depth)
            yield drawn(f"model-{number}", root if len(roots) > 1 else "", about, pieces, known, [])


def roots_of(nodes: Sequence[Record], modules: Sequence[Record]) -> set[str]:
    """Root models of which a module ran in the graph."""
    ran = {node.get("module") for node in nodes}
    return {str(one.get("model")) for one in modules if one.get("name") in ran}


def is_absent(module: Record, modules: Sequence[Record], reached: Collection[str]) -> bool:
    """A module with weights that was called, and that no gradient ever reaches.

    One without weights may let its input through as it is, and would be in no graph either.
    """
    name = str(module.get("name"))
    inside = f"{name}."
    if module.get("order") is None or not module.get("parameters") or name in reached:
        return False
    return not any(other.startswith(inside) for other in reached)


def parts_of(nodes: Sequence[Record], depth: int | None, modules: Sequence[Record]) -> dict[Key, Piece]:
    """The pieces of a graph, of a loop one round."""
    weighted = [
        one.get("name") for one in modules if one.get("total_parameters") and one.get("model") != one.get("name")
    ]
    return folded(pieces_of(nodes, depth), REPEATS, {shortened(name, depth) or "" for name in weighted})


def depth_of(nodes: Sequence[Record], absent: Sequence[Record], modules: Sequence[Record]) -> int | None:
    """Down to which depth modules are drawn: None for all, else as deep as can be read."""
    if len(parts_of(nodes, None, modules)) + len(absent) <= READABLE:
        return None
    deepest = max((str(node.get("module")).count(".") + 1 for node in nodes if node.get("module")), default=1)
    for depth in range(deepest, 0, -1):
        size = len(parts_of(nodes, depth, modules))
        if size <= READABLE:
            return depth if size >= TELLING else depth + 1
    return 1


class Modules:
    """What is known of modules; those inside of a shortened one speak for it."""

    def __init__(
        self, source: Source, modules: Sequence[Record], parameters: Sequence[Record], depth: int | None
    ) -> None:
        self.depth = depth
        self.records = {str(one.get("name")): one for one in modules}
        self.states: dict[str, State] = {}
        for record in parameters:
            judge(self._of(record.get("layer")), record)
        for signal, word in (("dead_unit_share", "dead"), ("saturated_unit_share", "saturated")):
            for layer, one in buckets_of(source, signal).items():
                share = float(one.mean[-1]) if len(one) else math.nan
                if share >= ALMOST_ALL:
                    state = self._of(layer)
                    state.add("warning", f"{share:.0%} of its units are {word}")
                    state.dead |= word == "dead" and share == 1
        self.cuts = [one for one in records_of(source, "cuts") if one.get("module") is not None]
        owners = {str(one.get("name")): one.get("layer") for one in parameters}
        for name in buckets_of(source, "non_finite_grads"):
            self._of(owners.get(name)).add("error", f"gradients of {name} that are not finite")
        for layer, one in buckets_of(source, "activation_std").items():
            wrong = bool(one.wrong.any())
            self._of(layer).add("error" if wrong else "healthy", "outputs that are not finite" if wrong else "")

    def _of(self, module: object) -> State:
        return self.states.setdefault(shortened(module, self.depth) or "", State())

    def state(self, name: str) -> State:
        """How a module fares."""
        return self.states.get(name) or State()

    def cuts_around(self, module: Record) -> list[str]:
        """Where gradients are cut off in a module or in one that it is in: the likely places if none reaches it."""
        name, root = str(module.get("name")), str(module.get("model"))
        around = [one for one in self.cuts if one["module"] == root or f"{name}.".startswith(f"{one['module']}.")]
        places = [f"`{one.get('op')}` at {str(one.get('file')).rpartition('/')[2]}:{one.get('line')}" for one in around]
        return [f"{place} lets no gradient back" for place in dict.fromkeys(places)]

    def value(self, name: str, *, known: bool = True) -> str:
        """Class, shape of the output and parameters of a module, in short.

        Args:
            known: it is about the whole module at its first call: that is what was recorded.
        """
        record = self.records.get(name) or {}
        if not known:
            return str(record.get("cls") or "")
        shape = record.get("output_shape")
        size = "x".join(str(one) for one in shape) if isinstance(shape, list | tuple) else ""
        count = record.get("total_parameters")
        parts = (str(record.get("cls") or ""), size, f"{count:,} parameters" if count else "")
        return ", ".join(part for part in parts if part)


def judge(state: State, record: Record) -> None:
    """What the record of a parameter says about its module."""
    name, looks = record.get("name"), record.get("deep_steps") or 0
    if record.get("requires_grad") is False:
        state.add("note", f"{name} is frozen")
        return
    state.trained += 1
    if record.get("reached") is False:
        state.add("warning", f"no gradient ever reaches {name}")
        state.still += 1
    elif looks >= LOOKS and record.get("zero_grad_steps") == looks:
        state.add("warning", f"the gradient of {name} is exactly zero")
        state.still += 1
    elif record.get("in_optimizer") is False:
        state.add("note", f"{name} is in no optimizer")
    else:
        state.add("healthy", "")


def drawn(
    identifier: str, site: str, about: str, pieces: Mapping[Key, Piece], modules: Modules, absent: Sequence[Record]
) -> Graph:
    """Nodes and edges of one loss or model."""
    nodes = [node_of(key, piece, pieces, modules) for key, piece in pieces.items()]
    edges: list[Edge] = []
    for key, piece in pieces.items():
        for one in piece.inputs:
            broken = modules.state(piece.module or "").dead or modules.state(pieces[one].module or "").blocked
            edges.append({"source": id_of(one), "target": id_of(key), "broken": broken})
    nodes += [missing(record, modules) for record in absent]
    edges += broken_edges(absent, pieces, modules)
    about += "" if modules.depth is None else " Modules inside of those that are shown are left out."
    return {
        "kind": "graph", "id": identifier, "title": f"Model{f' ({site})' if site else ''}", "about": about,
        "signals": ["graph", "modules", "parameters", "cuts", "dead_unit_share", "non_finite_grads"],
        "nodes": nodes, "edges": edges,
    }  # fmt: skip


def id_of(key: Key) -> str:
    """Name and level: unique in a graph."""
    return f"{key[0]}:{key[1]}"


def node_of(key: Key, piece: Piece, pieces: Mapping[Key, Piece], modules: Modules) -> Node:
    """The node of a piece."""
    ops = ", ".join(dict.fromkeys(piece.ops))
    if piece.module is None:
        name = key[0].strip("()")
        value = f"{piece.calls} times" if piece.calls > 1 else ""
        notes = [f"called at {place}" for place in piece.places]
        return {"id": id_of(key), "label": name, "group": "", "health": "unknown", "value": value, "notes": notes}
    calls = [one for one in pieces if one[0] == key[0]]
    is_root = (modules.records.get(piece.module) or {}).get("model") == piece.module
    is_leaf = not is_root and not any(one[0].startswith(f"{key[0]}.") for one in pieces)
    label = piece.module
    if is_leaf and len(calls) > 1:
        label += f" (call {calls.index(key) + 1})"
    elif not is_leaf and ops:
        label += f" ({ops[:40]})"
    state = modules.state(piece.module)
    notes = [*state.notes, *([f"operations: {ops[:200]}"] if ops else [])]
    notes += [f"called {piece.calls} times in a loop"] if piece.calls > 1 else []
    return {
        "id": id_of(key), "label": label, "group": group_of(piece.module, is_leaf=is_leaf or is_root),
        "health": "healthy" if state.health == "unknown" and piece.ops else state.health,
        "value": modules.value(piece.module, known=is_leaf and key == calls[0]), "notes": notes,
    }  # fmt: skip


def group_of(module: str, *, is_leaf: bool) -> str:
    """The repeated block that a module is in (`blocks.3` of `blocks.3.mlp.0`), else what it is in."""
    names = module.split(".")
    inside = names[:-1] if is_leaf else names
    numbered = next((n for n, name in enumerate(inside) if name.isdecimal()), len(inside) - 1)
    return ".".join(inside[: numbered + 1])


def missing(record: Record, modules: Modules) -> Node:
    """The node of a module that is in no graph."""
    name = str(record.get("name"))
    state = modules.state(shortened(name, modules.depth) or "")
    return {
        "id": name, "label": name, "group": group_of(name, is_leaf=True), "value": modules.value(name),
        "health": "note" if state.health == "note" else "warning",
        "notes": [*state.notes, "called, but in no loss's graph", *modules.cuts_around(record)],
    }  # fmt: skip


def broken_edges(absent: Sequence[Record], pieces: Mapping[Key, Piece], modules: Modules) -> list[Edge]:
    """From each module that is in no graph to the module that was called next: what it computes went there."""
    first: dict[str, str] = {str(record.get("name")): str(record.get("name")) for record in absent}
    for key, piece in sorted(pieces.items(), key=lambda one: one[0][1]):
        first.setdefault(piece.module or "", id_of(key))
    called = sorted(
        (record["order"], name) for name, record in modules.records.items()
        if name in first and isinstance(record.get("order"), int)
    )  # fmt: skip
    names = [name for _, name in called]
    edges: list[Edge] = []
    for record in absent:
        name = str(record.get("name"))
        after = names[names.index(name) + 1 :] if name in names else []
        target = next((one for one in after if fits(record, modules.records[one])), after[0] if after else None)
        if target is not None:
            edges.append({"source": name, "target": first[target], "broken": True})
    return edges
