"""What stopped a program at a call: tensors whose types do not go together, and labels without an output."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Bars, Edge, Figure, Graph, Node, axis

# Words of PyTorch's messages for its types, and what a program calls them.
TYPES = {
    "double": "float64", "float": "float32", "half": "float16", "bfloat16": "bfloat16", "long": "int64",
    "int": "int32", "short": "int16", "char": "int8", "byte": "uint8", "bool": "bool",
}  # fmt: skip
_TYPE = re.compile(rf"\b(?:torch\.)?({'|'.join((*TYPES, *TYPES.values()))})(?:tensor)?\b", re.IGNORECASE)
_SPEAKS_OF_TYPES = re.compile(r"dtype|scalar type|not implemented for '|can't be cast", re.IGNORECASE)
# Labels that have a bar each.
LABELS = 100


def types(source: Source) -> Iterator[Graph]:
    """What went into the call that stopped the program, by data type, where its error speaks of types."""
    for record in records_of(source, "run"):
        told = str(record.get("exception") or "")
        named = types_in(told)
        if not _SPEAKS_OF_TYPES.search(told) or not named:
            continue
        given = [*inputs(source), *targets(source)]
        place = f"{str(record.get('exception_file') or '').rpartition('/')[2]}:{record.get('exception_line')}"
        stop: Node = {
            "id": "stopped", "label": f"stopped at {place}", "group": "", "health": "error",
            "value": " and ".join(named), "notes": [told], "here": "wrong-dtype",
        }  # fmt: skip
        weights: Node = {
            "id": "weights", "label": "weights of the layers", "group": "", "health": "healthy",
            "value": "float32 unless changed", "notes": ["The type that PyTorch gives to layers."],
        }  # fmt: skip
        nodes = [*given, weights]
        edges: list[Edge] = [
            {"source": one["id"], "target": "stopped", "broken": one["health"] == "error"} for one in nodes
        ]
        yield {
            "kind": "graph", "id": "stopped-types", "title": "Data types that met",
            "about": f"What went into the call that ended the program, with its data type: {told}. Healthy: numbers "
            "have the type of the weights, class numbers and ids are int64.",
            "signals": ["run", "inputs", "targets"], "checks": ["wrong-dtype"], "proof": True, "nodes": [*nodes, stop],
            "edges": edges, "broken": "does not go with the others",
        }  # fmt: skip


def types_in(message: str) -> list[str]:
    """The types that an error names, as a program calls them, each once."""
    words = (found.lower() for found in _TYPE.findall(message.partition(": ")[2] or message))
    return list(dict.fromkeys(TYPES.get(word, word) for word in words))


def inputs(source: Source) -> Iterator[Node]:
    """The inputs of the models in training; floating-point numbers that are no float32 are marked."""
    for number, record in enumerate(records_of(source, "inputs")):
        if record.get("phase") == "train":
            name = f"input {record.get('position')} of {record.get('model')}"
            dtype = str(record.get("dtype"))
            yield _node(f"input-{number}", name, record, wrong=dtype == "float64" or dtype.startswith("uint"))


def targets(source: Source) -> Iterator[Node]:
    """What the losses compared with before the end."""
    for number, record in enumerate(records_of(source, "losses")):
        given = record.get("target")
        if record.get("phase") == "train" and isinstance(given, dict):
            yield _node(f"target-{number}", f"target of {record.get('function')}", given, wrong=False)


def _node(identifier: str, name: str, record: Any, *, wrong: bool) -> Node:
    low, high = number_of(record.get("min")), number_of(record.get("max"))
    spans = f", {low:.3g} to {high:.3g}" if low is not None and high is not None else ""
    return {
        "id": identifier, "label": name, "group": "", "health": "error" if wrong else "healthy",
        "value": f"{record.get('dtype')}{spans}", "notes": [f"shape {list(record.get('shape') or ())}"],
    }  # fmt: skip


def labels(source: Source) -> Iterator[Figure]:
    """How often each label was seen, beside the outputs that the net has for them."""
    for number, record in enumerate(one for one in records_of(source, "targets") if is_outside(one)):
        yield labels_of(number, record)


def is_outside(record: Record) -> bool:
    """Whether a class label was seen that the net has no output for."""
    outputs, high = number_of(record.get("outputs")), number_of(record.get("max"))
    counted = isinstance(record.get("counts"), list) and record.get("kind") in ("classes", "sequence")
    return counted and outputs is not None and high is not None and high >= outputs


def labels_of(number: int, record: Record) -> Bars:
    """Bars of labels with an output and without."""
    counts, outputs = list(record["counts"]), int(record["outputs"])
    first = max(0, len(counts) - LABELS)
    shown = range(first, len(counts))
    with_output = [float(counts[k]) if k < outputs else None for k in shown]
    without = [float(counts[k]) if k >= outputs else None for k in shown]
    return {
        "kind": "bars", "id": f"labels-outside-{number}", "title": "Labels and the outputs that the net has",
        "about": f"Targets seen by label; the net has {outputs} outputs, for labels 0 to {outputs - 1}. Healthy: every "
        f"label has an output, and every output is some label.{f' The last {LABELS} labels.' if first else ''}",
        "signals": ["targets"], "checks": ["label-out-of-range"], "proof": True, "x": axis("label"),
        "y": axis("targets", "count"),
        "categories": [f"{k}{'' if k < outputs else ' (no output)'}" for k in shown], "edges": [],
        "series": [
            {"name": f"has one of the {outputs} outputs", "values": with_output, "role": "train"},
            {"name": "has no output", "values": without, "role": "worse"},
        ],
    }  # fmt: skip
