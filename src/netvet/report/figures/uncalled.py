"""Layers of a model that were never called, in its graph: where they were defined, joined to nothing that computes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from netvet.core import Record
from netvet.report.figures.spec import Graph, Node

if TYPE_CHECKING:
    from netvet.report.figures.model import Modules

# Of a model with more, such as one of which only a part is trained, none are drawn.
MOST = 12


def uncalled_of(modules: Sequence[Record], parameters: Sequence[Record], roots: Collection[str]) -> list[Record]:
    """Leaves that the optimizer holds weights of, which were not called and no gradient reached; none of very many."""
    idle = {
        one.get("layer") for one in parameters
        if one.get("in_optimizer") is True and one.get("module_called") is False and one.get("reached") is False
    }  # fmt: skip
    found = [
        one for one in modules
        if one.get("name") in idle and one.get("is_leaf") and one.get("order") is None and one.get("model") in roots
    ]  # fmt: skip
    return found if len(found) <= MOST else []


def with_uncalled(graph: Graph, uncalled: Sequence[Record], known: Modules) -> Graph:
    """The graph with these layers, each between its neighbours in the order of definition, over broken edges."""
    if not uncalled:
        return graph
    names = list(known.records)
    drawn = {one["id"].rpartition(":")[0]: one["id"] for one in reversed(graph["nodes"])}
    for record in uncalled:
        name = str(record.get("name"))
        graph["nodes"].append(_node(name, known))
        at, drawn[name] = names.index(name), f"{name}:uncalled"
        before = next((drawn[one] for one in reversed(names[:at]) if one in drawn), None)
        if before is not None:
            graph["edges"].append({"source": before, "target": drawn[name], "broken": True})
    graph["about"] += " Layers that were never called hang on a broken edge beside what is defined before them."
    return graph


def _node(name: str, known: Modules) -> Node:
    state = known.state(name)
    return {
        "id": f"{name}:uncalled", "label": name, "group": "", "value": f"{known.value(name)}, never called",
        "health": "note", "notes": [*state.notes, "never called in training"],
    }  # fmt: skip
