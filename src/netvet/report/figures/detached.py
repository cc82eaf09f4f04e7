"""Where the way from the model to backward is cut."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Graph, Node

# Calls of backward that have a picture each.
CALLS = 3


def cut_off(source: Source) -> Iterator[Graph]:
    """Of each call of backward on what has no history: the model, the cut, and the optimizer that gets nothing."""
    wrong = [one for one in records_of(source, "backwards") if is_cut(one)]
    for number, record in enumerate(wrong[:CALLS]):
        made, called = place(record, "made_"), place(record)
        model = [told(one) for one in records_of(source, "optimizers") if told(one)]
        nodes = [
            node("model", ", ".join(model) or "the model", "healthy", "its outputs, with their history"),
            node("cut", f"made at {made}" if made else "a tensor without history", "error", "a value alone"),
            node("backward", f"backward at {called}", "warning", f"{number_of(record.get('calls')) or 1:,.0f} calls"),
            node("parameters", "parameters", "error", "no gradient arrives"),
        ]
        nodes[1]["here"] = "detached-loss"
        yield {
            "kind": "graph", "id": f"detached-{number}", "title": f"Where the loss of {called} is cut off",
            "about": "From the model to backward and on to the parameters. Healthy: backward is called on what the "
            "loss function returned, and all are joined.",
            "signals": ["backwards"], "checks": ["detached-loss"], "proof": True, "nodes": nodes,
            "edges": [
                {"source": "model", "target": "cut", "broken": True},
                {"source": "cut", "target": "backward", "broken": False},
                {"source": "backward", "target": "parameters", "broken": True},
            ],
        }  # fmt: skip


def is_cut(record: Record) -> bool:
    """Whether backward was called on a tensor without history."""
    made_anew = record.get("leaf") is True and record.get("has_graph") is False
    return record.get("requires_grad") is False or made_anew


def node(identifier: str, label: str, health: str, value: str) -> Node:
    """One station of the way."""
    return {"id": identifier, "label": label, "group": "", "health": health, "value": value, "notes": []}  # type: ignore[typeddict-item]


def place(record: Record, prefix: str = "") -> str:
    """A line of the script."""
    file, line = record.get(f"{prefix}file"), record.get(f"{prefix}line")
    return f"{str(file).rpartition('/')[2]}:{line}" if file and line else ""


def told(optimizer: Record) -> str:
    """The models whose parameters an optimizer holds."""
    return ", ".join(map(str, optimizer.get("models") or ()))
