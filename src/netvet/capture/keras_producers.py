"""What made the output of a model, and the graph of a training step as PyTorch would have it, from what was heard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from netvet.capture.keras_contract import Contract, which_output
from netvet.capture.keras_forward import Heard, LayerCall
from netvet.capture.keras_layers import ACTIVATIONS, Names, activation_of, class_of
from netvet.capture.keras_parameters import as_in_torch
from netvet.capture.site import Site
from netvet.capture.summaries import place

# Layers and operations that hand their input on, in another shape or with parts left out.
_PASSING = (
    "Flatten", "Reshape", "Dropout", "Identity", "InputLayer", "Permute", "Masking", "ActivityRegularization",
    "Squeeze", "ExpandDims", "Cast", "GaussianNoise",
)  # fmt: skip
_NODES = {
    "Flatten": "View", "Reshape": "View", "Permute": "Permute", "Dropout": "NativeDropout", "Identity": "Clone",
    "InputLayer": "Clone", "Squeeze": "Squeeze", "ExpandDims": "Unsqueeze", "BatchNormalization": "NativeBatchNorm",
    "LayerNormalization": "NativeLayerNorm", "Add": "Add", "Subtract": "Sub", "Multiply": "Mul",
    "Concatenate": "Cat", "MaxPooling2D": "MaxPool2D", "MaxPooling1D": "MaxPool1D", "Masking": "Clone",
    "GlobalAveragePooling2D": "Mean", "GlobalAveragePooling1D": "Mean", "SpatialDropout2D": "NativeDropout",
}  # fmt: skip
_EPSILON = 1e-7  # of `keras.config.epsilon()`
_LOSS_NODES = {
    "mse_loss": "MseLoss", "l1_loss": "L1Loss", "binary_cross_entropy": "BinaryCrossEntropy", "nll_loss": "NllLoss",
    "binary_cross_entropy_with_logits": "BinaryCrossEntropyWithLogits", "cross_entropy": "NllLoss",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Producer:
    """What made the input of a loss.

    Args:
        op: as an operation of PyTorch (`softmax`, `linear`, ...), None where it is not known.
        dim: axis of a softmax.
        site: the user's line that made the layer.
        taken_back: Keras takes what entered this operation in place of its output.
    """

    op: str | None = None
    dim: int | None = None
    site: Site | None = None
    taken_back: bool = False


def producer_of(heard: Heard | None, which: int | None, sites: Mapping[int, Site]) -> Producer:
    """What made one of the outputs of a model."""
    if heard is None or which is None or which >= len(heard.outputs):
        return Producer()
    wanted = heard.outputs[which]
    for call in reversed(heard.calls):
        if call.output != wanted:
            continue
        own = type(call.layer).__name__
        if _is_container(call.layer) or (call.activation is None and _is_block(call, heard)):
            continue
        if own in _PASSING or (own == "Activation" and activation_of(call.layer) is None):
            if len(call.inputs) != 1:
                return Producer()
            wanted = call.inputs[0]
            continue
        return _named(call, sites)
    return Producer()


def _is_container(layer: Any) -> bool:
    return hasattr(layer, "compile_from_config") or bool(getattr(layer, "_functional", None))


def _named(call: LayerCall, sites: Mapping[int, Site]) -> Producer:
    site, own = sites.get(id(call.layer)), type(call.layer).__name__
    weighted = hasattr(call.layer, "kernel")
    function = call.activation or (None if weighted else activation_of(call.layer) or _operation(own))
    if function:
        function = "gelu" if function == "gelu" else function
        axis = getattr(call.layer, "axis", -1)
        dim = axis if isinstance(axis, int) and own in ("Softmax", "LogSoftmax") else -1
        return Producer(function, dim if "softmax" in function else None, site)
    if weighted:
        return Producer("linear" if class_of(call.layer) == "Linear" else "convolution", None, site)
    return Producer(own.lower(), None, site)


def _operation(own: str) -> str | None:
    """An operation of `keras.ops` that is an activation."""
    return next((name for name, (cls, _) in ACTIVATIONS.items() if own in (cls, cls.capitalize())), None)


def graph_of(
    names: Names, heard: Heard, contract: Contract, site: str, sites: Mapping[int, Site]
) -> list[dict[str, Any]]:
    """Records of `graph`: the loss (id 0), the operations below it, and their weights."""
    made: dict[int, int] = {}
    records: list[dict[str, Any]] = []

    def add(op: str, following: list[int], **more: Any) -> int:
        record = {"backward": site, "id": len(records) + 1, "op": op, "next": following, "parameter": None}
        records.append(record | {"leaf": None, "shape": None, "module": None, "depth": None, "saved": {}} | more)
        return len(records)

    for call in heard.calls:
        if _is_container(call.layer) or (call.activation is None and _is_block(call, heard)):
            continue
        below = list(dict.fromkeys(made[i] for i in call.inputs if i in made))
        line = sites.get(id(call.layer))
        own = {"module": names.of_call(call), **place(line), **place(line, "created_"), "function": _function(call)}
        if hasattr(call.layer, "kernel") and call.activation is None:
            below += [_weight(add, names, call.layer)]
        made[call.output] = add(_node(call), below, **own)
    which = which_output(contract, heard.paths)
    if which is None or heard.outputs[which] not in made:
        return []
    top = made[heard.outputs[which]]
    if contract.function == "cross_entropy":
        top = add("LogSoftmax", [top])
    limits = {"min": _EPSILON, "max": 1 - _EPSILON}
    at = place(producer_of(heard, which, sites).site)
    if contract.probabilities:  # Keras cuts them off (and divides them by their sum)
        top = add("Clamp", [top], saved=limits, **at)
    if contract.function == "nll_loss":
        top = add("Log", [top], **at)
    records.append({"backward": site, "id": 0, "op": _LOSS_NODES.get(contract.function, "Loss"), "next": [top], **at})
    return records


def _weight(add: Any, names: Names, layer: Any) -> int:
    kernel = getattr(layer, "_kernel", None)
    kernel = kernel if kernel is not None else layer.kernel
    shape = as_in_torch("kernel", [int(n) for n in kernel.shape])
    return int(add("AccumulateGrad", [], parameter=names.of_variable(kernel), leaf="parameter", shape=shape))


def _node(call: LayerCall) -> str:
    own = type(call.layer).__name__
    if call.activation:
        return ACTIVATIONS.get(call.activation, (call.activation, call.activation.capitalize()))[1]
    if hasattr(call.layer, "kernel"):
        kind = class_of(call.layer)
        return "Addmm" if kind == "Linear" else "Convolution" if kind.startswith("Conv") else own
    function = activation_of(call.layer) or _operation(own)
    if function:
        return ACTIVATIONS.get(function, (function, function.capitalize()))[1]
    return "Clone" if own == "Activation" else _NODES.get(own, own)


def _function(call: LayerCall) -> str:
    return "dropout" if "Dropout" in type(call.layer).__name__ else type(call.layer).__name__.lower()


def _is_block(call: LayerCall, heard: Heard) -> bool:
    """Whether a layer is made of others that were heard inside it, the last of which made its output."""
    inner = [c for c in heard.calls if c.output == call.output and c.layer is not call.layer]
    return bool(inner) and bool(getattr(call.layer, "_layers", None))
