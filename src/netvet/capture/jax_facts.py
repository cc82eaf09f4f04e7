"""Records of what a training is made of: `parameters`, `backwards`, `optimizers`, `graph`, `modules`."""

from __future__ import annotations

from typing import Any

import numpy as np

from netvet.capture import jax_graph, jax_modules, jax_optimizers, jax_probes
from netvet.capture.jax_compared import place
from netvet.capture.jax_events import Differentiation, Session
from netvet.capture.jax_training import Place, Training


def write(session: Session) -> None:
    """Write all of them, as known by now."""
    training: Training = session.options["training"]
    optimizers = session.options["optimizers"].users()
    places = list(training.places.values())
    recorder = session.recorder
    if not places:
        return
    main = max(places, key=lambda p: p.looks)
    shapes = {leaf.name: leaf.shape for leaf in main.newest.leaves}
    held = {n: one.name for one in optimizers for n in jax_optimizers.known_names(one, shapes)}
    moved = main.compared == 0 or any(main.changed)
    found = jax_optimizers.records(optimizers, main.first.model, shapes, backward=any(p.looks for p in places))
    for record in found:
        record["steps"] = record["steps"] if moved else 0
    if not optimizers:
        found = [_by_hand(main, session, moved=moved)]
    if training.ascends():
        for record in found:
            record["groups"] = [group | {"maximize": True, "measured": True} for group in record["groups"]]
    recorder.facts("optimizers", found)
    recorder.facts("backwards", [_backward(p, optimizers, moved=moved) for p in places])
    recorder.facts("parameters", [r for p in _distinct(places) for r in _parameters(p, held, by_hand=not optimizers)])
    evaluations = session.options["evaluations"].records
    recorder.facts("modules", [r for p in _distinct(places) for r in jax_modules.records(p, session)])
    recorder.facts("calls", [r for p in _distinct(places) for r in jax_modules.calls(p, session, evaluations)])
    recorder.facts("symmetric_units", [r for p in _distinct(places) for r in jax_probes.symmetric_units(p)])
    graphs = [r for p in places for r in jax_graph.records(p.first, session)]
    recorder.facts("graph", graphs)


def _distinct(places: list[Place]) -> list[Place]:
    """One place for each set of parameters: a loss may be differentiated on several lines."""
    found: dict[tuple[str, ...], Place] = {}
    for one in places:
        key = tuple(leaf.name for leaf in one.newest.leaves)
        if key not in found or found[key].looks < one.looks:
            found[key] = one
    return list(found.values())


def _by_hand(main: Place, session: Session, *, moved: bool) -> dict[str, Any]:
    """Steps that the program takes itself: `p - rate * g` for each parameter."""
    names = [leaf.name for leaf in main.newest.leaves]
    group = {"lr": None, "parameters": len(names), "names": names}
    return {
        "name": "by hand", "cls": "by hand", **place(main.first.site), "steps": session.step if moved else 0,
        "last_step": session.step, "groups": [group], "parameters": names, "unknown_parameters": 0,
        "backward_seen": True, "models": [main.first.model],
    }  # fmt: skip


def _backward(one: Place, optimizers: list[Any], *, moved: bool) -> dict[str, Any]:
    found, program = one.first, one.first.program
    reached = jax_graph.reached_by_gradient(found)
    count = sum(value in reached for value in program.arguments[: len(found.leaves)])
    site = optimizers[0].update_site if optimizers and not moved else None
    return {
        **place(found.site), "calls": one.calls, "first_step": one.first_step, "requires_grad": True,
        "has_graph": True, "leaf": False, "shape": list(program.shape(found.loss_id)), "first_value": one.first_value,
        "scaled": False, "reaches": count, "models": [found.model] if count else [], "raised": None,
        "optimizers": list(one.optimizers) if moved else [], **place(site, "uncalled_"),
    }  # fmt: skip


def _parameters(one: Place, held: dict[str, str], *, by_hand: bool) -> list[dict[str, Any]]:
    found, program = one.newest, one.newest.program
    reached = jax_graph.reached_by_gradient(found)
    used = program.upstream([found.loss_id])
    for op in program.operations:
        used.update(op.inputs)
    records = []
    for i, (value, leaf) in enumerate(zip(program.arguments, found.leaves, strict=False)):
        start = one.start[i] if one.start else np.zeros(0)
        kind = jax_graph.kind_of(program, value) or _kind_by_layer(found, leaf.name)
        optimizer = held.get(leaf.name)
        known = None if optimizer is None and "?" in held else by_hand or optimizer is not None
        first = next((op for op in program.users.get(value, ())), None)
        records.append({
            "name": leaf.name, "model": found.model, "layer": jax_graph.layer_of(leaf.name), "layer_type": kind,
            "shape": jax_graph.outputs_first(program, value), "elements": int(np.prod(leaf.shape, dtype=np.int64)),
            "requires_grad": leaf.dtype.startswith(("float", "bfloat", "complex")),
            "in_optimizer": known, "optimizer": optimizer, "reached": value in reached,
            "changed": one.changed[i], "module_called": value in used and bool(program.users.get(value)),
            "tied_names": [], "loaded": False, "overwritten": False, "zero_grad_steps": one.zero_streak[i],
            "deep_steps": one.looks, "init_std": float(start.std()) if start.size > 1 else None,
            "init_mean": float(start.mean()) if start.size else None, "first_frozen_step": None,
            **place(first.site if first is not None else None, "created_"),
        })  # fmt: skip
    return records


def _kind_by_layer(found: Differentiation, name: str) -> str | None:
    """Class of the layer by another of its parameters: a bias belongs to the layer of its weight."""
    layer = jax_graph.layer_of(name)
    for value, leaf in zip(found.program.arguments, found.leaves, strict=False):
        if leaf.name != name and jax_graph.layer_of(leaf.name) == layer:
            kind = jax_graph.kind_of(found.program, value)
            if kind is not None:
                return kind
    return None
