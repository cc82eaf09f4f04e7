"""What a checkpoint brought back, and what began anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import number_of, records_of
from netvet.report.figures.spec import Edge, Graph, Node
from netvet.report.figures.trials import mapped

# Loads of a run that have a picture each.
LOADS = 3


def resumed(source: Source) -> Iterator[Graph]:
    """Of each load after which the training went on: the parts of a training, and which of them came back."""
    records = records_of(source, "checkpoints")
    loads = [at for at, one in enumerate(records) if one.get("kind") == "load" and "model" in (one.get("keys") or ())]
    for number, at in enumerate(loads[:LOADS]):
        until = next((later for later in range(at + 1, len(records)) if records[later].get("kind") == "load"), None)
        restored = [one for one in records[at + 1 : until] if one.get("kind") == "load_state_dict"]
        yield from drawn(number, records[at], restored, source)


def drawn(number: int, load: Record, restored: Sequence[Record], source: Source) -> Iterator[Graph]:
    """The file above the parts; an edge is broken where a part that has a state did not get it."""
    parts = [part(f"{one.get('target')} weights", True, "", one) for one in restored if "model" in kinds(one)]
    back = {kind for one in restored for kind in kinds(one)}
    step = number_of(load.get("step")) or 0
    for signal, kind in (("optimizers", "optimizer"), ("schedulers", "scheduler"), ("scalers", "scaler")):
        found = [one for one in records_of(source, signal) if one.get("steps") and has_state(one, kind)]
        # Of what was made twice, the later one goes on after the load.
        latest = {str(one.get("cls") or kind): one for one in found}
        parts += [part(name, kind in back, kind, one) for name, one in latest.items()]
    if len(parts) < 2:
        return
    file: Node = {
        "id": "file", "label": f"checkpoint, loaded at step {step:g}", "group": "", "health": "healthy",
        "value": f"holds {', '.join(map(str, load.get('keys') or ()))}", "notes": [jump(load)],
    }  # fmt: skip
    edges: list[Edge] = [{"source": "file", "target": one["id"], "broken": one["health"] == "error"} for one in parts]
    yield {
        "kind": "graph", "id": f"checkpoint-{number}", "title": f"What came back from the checkpoint at step {step:g}",
        "about": f"Parts of the training that have a state, and whether it was loaded. {jump(load)} Healthy: all of "
        "them come back; what does not begins anew, and the loss jumps.",
        "signals": ["checkpoints"], "checks": ["incomplete-checkpoint"], "proof": True,
        "nodes": [file, *parts], "edges": edges, "broken": "state not loaded",
    }  # fmt: skip


def has_state(record: Record, kind: str) -> bool:
    """Plain SGD has none, and a schedule that was made at the epoch at which it goes on needs none."""
    if kind == "scheduler":
        return not mapped(record.get("settings")).get("last_epoch")
    groups = record.get("groups") or ()
    return record.get("cls") != "SGD" or any(number_of(one.get("momentum")) for one in groups)


def kinds(record: Record) -> set[str]:
    """The parts that a call has filled."""
    return {str(record.get("target")).lower(), *(str(kind) for kind in record.get("keys") or ())}


def part(label: str, loaded: bool, kind: str, record: Record) -> Node:
    """One part of a training."""
    what = {"optimizer": "begins without momentum or moments", "scheduler": "begins at its first rate"}
    made = f"made at {str(record.get('file') or '').rpartition('/')[2]}:{record.get('line')}"
    node: Node = {
        "id": label, "label": label, "group": "", "health": "healthy" if loaded else "error",
        "value": "loaded" if loaded else "not loaded",
        "notes": [what.get(kind, "begins anew"), made] if record.get("line") and kind and not loaded else [],
    }  # fmt: skip
    return node


def jump(load: Record) -> str:
    """Training loss before and after the load, in words."""
    before, after = number_of(load.get("loss_before")), number_of(load.get("loss_after"))
    return f"Training loss {before:.3g} before, {after:.3g} after." if before is not None and after is not None else ""
