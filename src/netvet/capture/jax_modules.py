"""The layers of a net as its program uses them: records `modules` and `calls`."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from netvet.capture import jax_graph
from netvet.capture.jax_compared import place
from netvet.capture.jax_events import Differentiation, Session
from netvet.capture.jax_modes import active_modes
from netvet.capture.jax_program import Operation
from netvet.capture.jax_training import Place

_NORMS = {"BatchNorm": "BatchNorm", "LayerNorm": "LayerNorm", "GroupNorm": "GroupNorm", "RMSNorm": "RMSNorm"}
_ACTIVATIONS = {"Relu": "ReLU", "Tanh": "Tanh", "Sigmoid": "Sigmoid", "Softmax": "Softmax", "Gelu": "GELU",
                "Silu": "SiLU", "Elu": "ELU", "LeakyRelu": "LeakyReLU", "LogSoftmax": "LogSoftmax"}  # fmt: skip


def records(one: Place, session: Session) -> list[dict[str, Any]]:
    """One record per layer with parameters, and one per activation that follows a layer, in the order of use."""
    found, program = one.first, one.first.program
    order = {value: n for n, op in enumerate(program.operations) for value in op.outputs}
    layers: dict[str, list[tuple[int, Any]]] = {}
    for value, leaf in zip(program.arguments, found.leaves, strict=False):
        layers.setdefault(jax_graph.layer_of(leaf.name), []).append((value, leaf))
    outputs = jax_graph.layer_outputs(found)
    made = []
    for name, held in layers.items():
        ops = [op for value, _ in held for op in program.users.get(value, ())]
        first = min((order[op.outputs[0]] for op in ops if op.outputs), default=None)
        elements = sum(int(np.prod(leaf.shape, dtype=np.int64)) for _, leaf in held)
        result = outputs.get(name)
        made.append({
            **_module(found, name, _class_of(found, name, held), first), "parameters": elements,
            "total_parameters": elements, "called": len(ops),
            "output_shape": list(program.shape(result)) if result is not None else None,
            **place(ops[0].site if ops else None, "created_"),
        })  # fmt: skip
    for n, op in enumerate(program.operations):
        kind = _ACTIVATIONS.get(jax_graph.node_name(program, op, session))
        if kind is not None and op.outputs and len(made) < 500:
            made.append({
                **_module(found, f"{kind} of {op.site or '?'}", kind, n), "parameters": 0, "total_parameters": 0,
                "called": 1, "output_shape": list(program.shape(op.outputs[0])), **place(op.site, "created_"),
            })  # fmt: skip
    return made


def _module(found: Differentiation, name: str, kind: str, order: int | None) -> dict[str, Any]:
    return {
        "name": name, "model": found.model, "cls": kind, "is_leaf": True, "training": True, "order": order,
        "settings": {}, "file": None, "line": None,
    }  # fmt: skip


def _class_of(found: Differentiation, name: str, held: list[tuple[int, Any]]) -> str:
    program = found.program
    for value, _ in held:
        kind = jax_graph.kind_of(program, value)
        if kind is not None:
            return kind
    scopes = {op.scope for value, _ in held for op in program.users.get(value, ())}
    text = " ".join([name, *scopes])
    for part, kind in _NORMS.items():
        if part in text:
            return kind if kind != "BatchNorm" else f"BatchNorm{_dimensions(found, held)}d"
    return re.sub(r"_\d+$", "", name.rpartition(".")[2]) or "Module"


def _dimensions(found: Differentiation, held: list[tuple[int, Any]]) -> int:
    ops: list[Operation] = [op for value, _ in held for op in found.program.users.get(value, ())]
    ranks = [len(found.program.shape(o)) for op in ops for o in op.outputs]
    return max(1, min(3, max(ranks, default=2) - 2))


def calls(one: Place, session: Session, evaluations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How the net is called in training and in evaluations: records of the signal `calls`."""
    found, program = one.first, one.first.program
    dropout, norm = active_modes(program, program.arguments[: len(found.leaves)])
    fixed = one.untouched is True and not dropout and not norm
    made = [{
        "model": found.model, "phase": "eval-mode-grad" if fixed else "train", **place(found.site), "calls": one.calls,
        "first_step": one.first_step, **place(found.options.get("statistics") if fixed else None, "mode_"),
        "last_step": session.step, "modules_in_train_mode": 1.0, "dropout_active": dropout, "batch_norm_active": norm,
        "compiled": True, "has_dropout": dropout, "has_batch_norm": norm or one.untouched is not None,
    }]  # fmt: skip
    if evaluations:
        record = evaluations[0]
        made.append({
            "model": found.model, "phase": record["phase"], "file": record["file"], "line": record["line"],
            "calls": sum(r["batches"] for r in evaluations), "first_step": record["step"],
            "last_step": evaluations[-1]["step"], "dropout_active": record["dropout_active"],
            "batch_norm_active": record["batch_norm_active"], "compiled": True,
        })  # fmt: skip
    return made
