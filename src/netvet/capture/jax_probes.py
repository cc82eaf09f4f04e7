"""What the first step shows beyond its numbers: the loss against an untrained net's, units that start alike."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from netvet.capture import jax_graph
from netvet.capture.arrays import Array
from netvet.capture.jax_compared import place
from netvet.capture.jax_training import Place

_MATRICES = ("Linear", "Conv1d", "Conv2d", "Conv3d")


def initial_losses(losses: list[dict[str, Any]], targets: list[dict[str, Any]], places: list[Place]) -> list[Any]:
    """Records of the signal `initial_loss`: of a training loss that is one loss function alone."""
    train = [r for r in losses if r["phase"] == "train"]
    if len(train) != 1 or len(places) != 1 or train[0]["reduction"] != "mean" or train[0]["first_value"] is None:
        return []
    loss = train[0]
    target = next((t for t in targets if t["site"] == loss["site"] and t["phase"] == "train"), None)
    found = _expected(loss, target)
    if found is None:
        return []
    expected, best, rule = found
    measured = loss["first_value"]
    return [{
        "site": loss["site"], "file": loss["file"], "line": loss["line"], "function": loss["function"],
        "measured": measured, "expected": expected, "rule": rule, "spread": 0.0, "best_constant": best,
        "ratio": measured / expected if expected else None, "classes": loss["classes"], "batch": loss["batch"],
    }]  # fmt: skip


def _expected(loss: dict[str, Any], target: dict[str, Any] | None) -> tuple[float, float, str] | None:
    """Loss of an untrained net, that of the best constant, and by which rule."""
    function, classes = loss["function"], loss["classes"]
    if target is None or loss["broadcast"]:
        return None
    if function in ("cross_entropy", "nll_loss") and classes and classes > 1:
        return math.log(classes), float(target.get("entropy") or math.log(classes)), "log(classes)"
    if function.startswith("binary_cross_entropy"):
        p = float(target["mean"])
        entropy = -sum(q * math.log(q) for q in (p, 1 - p) if q > 0) if 0 <= p <= 1 else math.log(2)
        return math.log(2), entropy, "log(2)"
    if function == "mse_loss":
        variance = float(target["std"]) ** 2
        return (variance, variance, "target variance") if variance > 0 else None
    return None


def symmetric_units(one: Place) -> list[dict[str, Any]]:
    """Records of the signal `symmetric_units`: of each matrix of weights before the first update."""
    program, found = one.first.program, one.first
    weights = [
        (i, value)
        for i, value in enumerate(program.arguments[: len(found.leaves)])
        if jax_graph.kind_of(program, value) in _MATRICES and i < len(one.start)
    ]
    records = []
    for i, value in weights:
        start, gradient = (_units(program, value, a) for a in (one.start[i], one.start_gradients[i]))
        alike = _alike(start)
        both = alike & _alike(gradient) if len(alike) else alike
        first = next(iter(program.users.get(value, ())), None)
        records.append({
            "parameter": found.leaves[i].name, "layer": jax_graph.layer_of(found.leaves[i].name),
            "units": len(start), "identical": int(alike.sum()), "identical_gradients": int(both.sum()),
            "zero": bool((start == 0).all()), "zero_gradient": bool((gradient == 0).all()),
            "layers_with_weights": len(weights), **place(first.site if first is not None else None),
        })  # fmt: skip
    return records


def _units(program: Any, value: int, array: Array) -> Array:
    """One row for each unit: outputs first."""
    wanted, shape = jax_graph.outputs_first(program, value), list(array.shape)
    if wanted != shape or (array.ndim == 2 and shape[0] == shape[1] and _is_turned(program, value)):
        array = array.T if array.ndim == 2 else np.moveaxis(array, -1, 0)
    return array.reshape(len(array), -1) if array.ndim else array.reshape(1, 1)


def _is_turned(program: Any, value: int) -> bool:
    """A square matrix whose rows are inputs: contracted on its first axis."""
    ops = [op for op in program.users.get(value, ()) if op.name == "dot_general"]
    return bool(ops) and tuple(ops[0].params["dimension_numbers"][0][ops[0].inputs.index(value)]) == (0,)


def _alike(rows: Array) -> Any:
    """Which rows equal another one."""
    _, where, counts = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    return counts[where.reshape(-1)] > 1
