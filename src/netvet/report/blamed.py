"""Findings in the graph of a model: what they speak of is marked there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from netvet.report.figures.model import Health
from netvet.report.figures.spec import Figure, Graph, Node
from netvet.report.view import FindingView

ORDER: tuple[Health, ...] = ("unknown", "healthy", "note", "warning", "error")
# The calls of one module have nodes of their own, and are all that a finding speaks of.
_CALL = re.compile(r" \(call \d+\)$")


def blamed(figures: Sequence[Figure], findings: Sequence[FindingView]) -> list[Figure]:
    """The figures, with the nodes of graphs marked that findings speak of."""
    told = [one for one in findings if one["allowed"] is None]
    return [_marked(one, told) if one["kind"] == "graph" else one for one in figures]


def _marked(graph: Graph, findings: Sequence[FindingView]) -> Graph:
    nodes = {one["id"]: one.copy() for one in graph["nodes"]}
    for finding in findings:
        note = f"{finding['check']}: {finding['message']}"
        for name in _names(finding):
            for node in _spoken_of(name, list(nodes.values())):
                worst = max(ORDER.index(node["health"]), ORDER.index(finding["severity"]))
                node["health"] = ORDER[worst]
                node["notes"] = [*node["notes"], *([] if note in node["notes"] else [note])]
    made = graph.copy()
    made["nodes"] = list(nodes.values())
    return made


def _names(finding: FindingView) -> Iterator[str]:
    """Modules, parameters and call sites that a finding names."""
    if finding["where"]:
        yield finding["where"]
    for listed in finding["evidence"].values():
        if isinstance(listed, list):
            yield from (one for one in listed if isinstance(one, str))


def _spoken_of(name: str, nodes: Sequence[Node]) -> list[Node]:
    """The nodes of a module, of the module that a parameter is in, or of a loss by its call site.

    A name that stands for several parts of a graph, as that of the whole model does, points at none of them.
    """
    for module in (name, name.rpartition(".")[0]):
        found = [one for one in nodes if one["id"].rpartition(":")[0] == module or f"called at {name}" in one["notes"]]
        if found:
            return found if len({_CALL.sub("", one["label"]) for one in found}) == 1 else []
    return []
