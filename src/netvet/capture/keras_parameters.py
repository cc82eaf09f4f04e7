"""What becomes of each weight of a Keras model. Records `parameters` and the series of single parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from netvet.capture.keras_backends import Array
from netvet.capture.keras_layers import Names, children, class_of
from netvet.capture.recorder import Recorder
from netvet.capture.site import Site


@dataclass(slots=True)
class _Seen:
    """What was seen of one variable."""

    record: dict[str, Any]
    zero_streak: int = 0


class Parameters:
    """The trainable and frozen weights of one model.

    Args:
        values: initial values by the id of the variable, where they are known.
        loaded: ids of variables that were filled from a file.
    """

    def __init__(
        self, names: Names, values: Mapping[int, Array], loaded: Mapping[int, Site | None], sites: Mapping[int, Site]
    ) -> None:
        self._names = names
        self._trained = list(names.root.trainable_variables)
        trained = {id(v) for v in self._trained}
        self._seen = {
            id(v): _Seen(_describe(names, v, values.get(id(v)), sites, id(v) in trained, id(v) in loaded))
            for v in names.root.weights
            if id(v) in names.variables and (id(v) in trained or not _is_statistic(v))
        }

    def called(self, heard: Any) -> None:
        """Take in which layers a training step has called."""
        ran = {id(call.layer) for call in heard.calls}
        hidden = {id(inner) for _, layer in self._names.layers if _hides(layer) for inner in _below(layer)}
        for seen in self._seen.values():
            layer = seen.record["_layer"]
            seen.record["module_called"] = True if id(layer) in ran else None if id(layer) in hidden else False

    def step(
        self, recorder: Recorder, step: int, before: Sequence[Array], after: Sequence[Array] | None,
        gradients: Sequence[Array | None],
    ) -> None:  # fmt: skip
        """Take in one step that was looked at closely."""
        series: dict[str, dict[str, float]] = {
            n: {} for n in ("param_norm", "param_std", "param_grad_norm", "update_ratio", "non_finite_grads")
        }
        squares = 0.0
        for i, variable in enumerate(self._trained):
            name, weight, gradient = self._names.of_variable(variable), before[i].astype(np.float64), gradients[i]
            norm = float(np.linalg.norm(weight))
            series["param_norm"][name], series["param_std"][name] = norm, float(weight.std())
            record = self._seen[id(variable)].record if id(variable) in self._seen else {}
            if gradient is not None:
                squares += self._gradient(series, name, gradient, self._seen.get(id(variable)))
            if after is not None:
                moved = float(np.linalg.norm(after[i].astype(np.float64) - weight))
                record["changed"] = record.get("changed") or moved > 0
                if norm > 0:
                    series["update_ratio"][name] = moved / norm
        for signal, values in series.items():
            if values:
                recorder.values(step, signal, values)
        recorder.value(step, "grad_norm", squares**0.5, type(self._names.root.optimizer).__name__)

    @staticmethod
    def _gradient(series: dict[str, dict[str, float]], name: str, gradient: Array, seen: _Seen | None) -> float:
        wide = gradient.astype(np.float64)
        bad = int((~np.isfinite(wide)).sum())
        square = float((wide * wide).sum())
        series["param_grad_norm"][name] = square**0.5
        if bad:
            series["non_finite_grads"][name] = bad
        if seen is not None:
            seen.record["reached"] = True
            seen.record["deep_steps"] += 1
            seen.zero_streak = seen.zero_streak + 1 if square == 0 else 0
            seen.record["zero_grad_steps"] = max(seen.record["zero_grad_steps"], seen.zero_streak)
        return square

    def changed(self, before: Sequence[Array], after: Sequence[Array]) -> None:
        """Whether the values of the whole run have changed. Both as the trainable variables come."""
        for variable, old, new in zip(self._trained, before, after, strict=True):
            if id(variable) in self._seen:
                record = self._seen[id(variable)].record
                record["changed"] = bool(record["changed"]) or not np.array_equal(old, new)

    def records(self) -> list[dict[str, Any]]:
        """Records of `parameters`."""
        return [{k: v for k, v in seen.record.items() if k != "_layer"} for seen in self._seen.values()]


def _describe(
    names: Names, variable: Any, value: Array | None, sites: Mapping[int, Site], trained: bool, loaded: bool
) -> dict[str, Any]:
    name, layer_name, layer = names.variables[id(variable)]
    site = sites.get(id(layer))
    shape = as_in_torch(str(variable.name), [int(n) for n in variable.shape])
    return {
        "name": name, "model": names.model, "layer": layer_name, "layer_type": class_of(layer), "shape": shape,
        "elements": int(np.prod(shape)) if shape else 1, "requires_grad": trained, "in_optimizer": trained,
        "optimizer": type(names.root.optimizer).__name__ if trained else None, "reached": False, "changed": False,
        "module_called": None, "tied_names": [], "loaded": loaded, "overwritten": False, "zero_grad_steps": 0,
        "deep_steps": 0, "init_std": float(value.std()) if value is not None else None,
        "init_mean": float(value.mean()) if value is not None else None,
        "first_frozen_step": None if trained else 0, "created_file": site.file if site else None,
        "created_line": site.line if site else None, "init_file": None, "init_line": None, "frozen_file": None,
        "frozen_line": None, "_layer": layer,
    }  # fmt: skip


def as_in_torch(name: str, shape: list[int]) -> list[int]:
    """The shape with the outputs first, as weights lie in PyTorch: [inputs, outputs] and [..., inputs, outputs]."""
    if "kernel" not in name or len(shape) < 2:
        return shape
    return [shape[-1], shape[-2], *shape[:-2]]


def _is_statistic(variable: Any) -> bool:
    return any(word in str(variable.name) for word in ("moving_", "seed", "iteration"))


def _hides(layer: Any) -> bool:
    """Whether calls inside the layer are not heard."""
    import keras

    return isinstance(layer, (keras.layers.RNN, keras.layers.TimeDistributed, keras.layers.MultiHeadAttention))


def _below(layer: Any) -> list[Any]:
    return [found for inner in children(layer) for found in (inner, *_below(inner))]
