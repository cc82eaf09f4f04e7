"""Findings in the graph of a model: what they speak of is marked there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from netvet.report.figures.model import Health
from netvet.report.figures.spec import Edge, Figure, Graph, Node
from netvet.report.view import FindingView

ORDER: tuple[Health, ...] = ("unknown", "healthy", "note", "warning", "error")
# A second model of a class has its modules under a name of its own, and the graph of the first.
_OTHER = re.compile(r"^[^.]+#\d+\.")
# The calls of one module have nodes of their own, and are all that a finding speaks of.
_CALL = re.compile(r" \(call \d+\)$")


def blamed(figures: Sequence[Figure], findings: Sequence[FindingView]) -> list[Figure]:
    """The figures, with the nodes and edges of graphs marked that findings speak of."""
    told = [one for one in findings if one["allowed"] is None]
    told.sort(key=lambda one: -ORDER.index(_health(one)))  # of two that blame one node the worse is written there
    return [_marked(one, told) if one["kind"] == "graph" and not one.get("proof") else one for one in figures]


def _marked(graph: Graph, findings: Sequence[FindingView]) -> Graph:
    made = graph.copy()
    made["nodes"], made["edges"] = [one.copy() for one in graph["nodes"]], [one.copy() for one in graph["edges"]]
    culprits = _culprits(findings)
    for finding in findings:
        site = _site(finding)
        found = [node for name in _names(finding) for node in _spoken_of(name, made, site)]
        for node in found or _called_at(site, made):
            _blame(node, finding)
            if finding in culprits:
                node.setdefault("here", finding["check"])
        for first, last in _pairs(finding):
            ends = [_spoken_of(name, made, "") for name in (first, last)]
            for edge in _between(made["edges"], *({one["id"] for one in own} for own in ends)):
                edge["here"] = finding["check"]
    return made


def _blame(node: Node, finding: FindingView) -> None:
    note = f"{finding['check']}: {finding['message']}"
    worst = max(ORDER.index(node["health"]), ORDER.index(_health(finding)))
    node["health"] = ORDER[worst]
    node["notes"] = [*node["notes"], *([] if note in node["notes"] else [note])]


def _culprits(findings: Sequence[FindingView]) -> list[FindingView]:
    """The causes, as symptoms show in many places; notes among them only where there is nothing worse."""
    causes = [one for one in findings if one["kind"] == "cause"]
    return [one for one in causes if one["severity"] != "note"] or causes


def _health(finding: FindingView) -> Health:
    severity = finding["severity"]
    return "error" if severity == "error" else "warning" if severity == "warning" else "note"


def _names(finding: FindingView) -> Iterator[str]:
    """Modules, parameters, operations and call sites that a finding names."""
    if finding["where"]:
        yield finding["where"]
    for listed in finding["evidence"].values():
        if isinstance(listed, list):
            yield from (one for one in listed if isinstance(one, str))
    yield from (name for pair in _pairs(finding) for name in pair)


def _pairs(finding: FindingView) -> list[tuple[str, str]]:
    """Pairs of modules of which something is said together."""
    found = finding["evidence"].get("pairs")
    pairs = found if isinstance(found, list) else []
    return [(one[0], one[1]) for one in pairs if isinstance(one, list) and [type(part) for part in one] == [str, str]]


def _site(finding: FindingView) -> str:
    place = finding["location"]
    return f"{place['file']}:{place['line']}" if place else ""


def _spoken_of(name: str, graph: Graph, site: str) -> list[Node]:
    """The nodes of a module, of the module that a parameter is in, of an operation, or of a loss by its call site.

    A name that stands for several parts of a graph, as that of the whole model does, points at none of them; of
    operations called at one line the last is meant, and of equal ones those at the line of the finding.
    """
    nodes, own = graph["nodes"], _OTHER.sub("", name)
    for module in (own, own.rpartition(".")[0]):
        found = [one for one in nodes if one["id"].rpartition(":")[0] == module]
        if found:
            return found if len({_CALL.sub("", one["label"]) for one in found}) == 1 else []
    if called := _called_at(name, graph):
        return called
    ops = [one for one in nodes if one["id"].rpartition(":")[0] == f"({name})"]
    return [one for one in ops if f"called at {site}" in one["notes"]] or ops


def _called_at(site: str, graph: Graph) -> list[Node]:
    """The operations of a line of the script whose output goes to none of the others."""
    nodes = [one for one in graph["nodes"] if f"called at {site}" in one["notes"]]
    names = {one["id"] for one in nodes}
    before = {one["source"] for one in graph["edges"] if one["target"] in names and one["source"] in names}
    return [one for one in nodes if one["id"] not in before]


def _between(edges: Sequence[Edge], sources: set[str], targets: set[str]) -> list[Edge]:
    """The edges of all ways from the one to the other."""
    after, before = _reached(edges, sources, "source", "target"), _reached(edges, targets, "target", "source")
    return [one for one in edges if one["source"] in after and one["target"] in before]


def _reached(edges: Sequence[Mapping[str, Any]], ends: set[str], near: str, far: str) -> set[str]:
    found = set(ends)
    while more := {one[far] for one in edges if one[near] in found} - found:
        found |= more
    return found
