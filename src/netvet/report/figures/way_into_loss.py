"""The last modules and operations before a loss, and what it takes in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from netvet.core import Record
from netvet.report.figures.predictions import number_of
from netvet.report.figures.spec import Graph

# Modules and operations before the loss that are shown, on each way.
STEPS_BACK = 3
# Rows of outputs that sum to 1 this often are probabilities.
ALMOST_ALWAYS = 0.99


def ways_into(graphs: Iterable[Graph], losses: Sequence[Record]) -> Iterator[Graph]:
    """Of each graph of a model the part before the loss, where training losses were seen."""
    trained = [one for one in losses if one.get("phase") == "train"]
    for number, graph in enumerate(graphs if trained else ()):
        yield from ending(graph, number, trained)


def ending(graph: Graph, number: int, losses: Sequence[Record]) -> Iterator[Graph]:
    """The last modules before the loss, and what the loss takes in."""
    inputs: dict[str, list[str]] = {}
    for edge in graph["edges"]:
        inputs.setdefault(edge["target"], []).append(edge["source"])
    sources = {edge["source"] for edge in graph["edges"]}
    reached = layer = [one for one in inputs if one not in sources]
    for _ in range(STEPS_BACK):
        layer = [one for end in layer for one in inputs.get(end, ()) if one not in reached]
        reached = [*reached, *dict.fromkeys(layer)]
    if len(reached) < 2:
        return
    named = {str(one.get("function")): one for one in losses}
    nodes = [one.copy() for one in graph["nodes"] if one["id"] in reached]
    for node in nodes:
        if loss := named.get(node["label"]):
            node["value"], node["notes"] = taken_in(loss), [*node["notes"], f"called at {loss.get('site')}"]
            node["told"] = bool(node["value"])  # the numbers are what a wrong loss is known by
    yield {
        "kind": "graph", "id": f"loss-path-{number}", "title": graph["title"].replace("Model", "The way into the loss"),
        "about": "The last modules and operations before the loss. Healthy: what the loss takes in is what it expects: "
        "raw outputs where it applies softmax or sigmoid itself.",
        "signals": ["losses", "loss_terms"], "nodes": nodes,
        "edges": [one for one in graph["edges"] if one["source"] in reached and one["target"] in reached],
    }  # fmt: skip


def taken_in(record: Record) -> str:
    """What a loss takes in, in short."""
    given = record.get("input")
    if not isinstance(given, Mapping):
        return ""
    low, high = number_of(given.get("min")), number_of(given.get("max"))
    if low is None or high is None:
        return ""
    rows = record.get("rows_sum_to_one")
    kind = ", rows sum to 1" if isinstance(rows, float) and rows >= ALMOST_ALWAYS else ""
    return f"takes {low:.2g} to {high:.2g}{kind}"
