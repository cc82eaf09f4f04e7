"""Which layers and variables a Keras model has, by the names and classes that the same things have in PyTorch."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from netvet.capture.keras_forward import Heard, LayerCall
from netvet.capture.site import Site, _kind, _shown

MAX_LAYERS = 5_000
_CLASSES = {
    "Dense": "Linear", "EinsumDense": "Linear", "Conv1D": "Conv1d", "Conv2D": "Conv2d", "Conv3D": "Conv3d",
    "SeparableConv1D": "Conv1d", "SeparableConv2D": "Conv2d", "DepthwiseConv1D": "Conv1d",
    "DepthwiseConv2D": "Conv2d", "Conv1DTranspose": "ConvTranspose1d", "Conv2DTranspose": "ConvTranspose2d",
    "Conv3DTranspose": "ConvTranspose3d", "LayerNormalization": "LayerNorm", "GroupNormalization": "GroupNorm",
    "RMSNormalization": "RMSNorm", "SpatialDropout1D": "Dropout1d", "SpatialDropout2D": "Dropout2d",
    "SpatialDropout3D": "Dropout3d", "SimpleRNN": "RNN", "MultiHeadAttention": "MultiheadAttention",
    "MaxPooling1D": "MaxPool1d", "MaxPooling2D": "MaxPool2d", "AveragePooling2D": "AvgPool2d",
}  # fmt: skip
# Functions that are activations, as PyTorch calls the module and the node of its graph.
ACTIVATIONS = {
    "relu": ("ReLU", "Relu"), "relu6": ("ReLU6", "Hardtanh"), "sigmoid": ("Sigmoid", "Sigmoid"),
    "tanh": ("Tanh", "Tanh"), "softmax": ("Softmax", "Softmax"), "log_softmax": ("LogSoftmax", "LogSoftmax"),
    "gelu": ("GELU", "Gelu"), "elu": ("ELU", "Elu"), "selu": ("SELU", "Elu"), "silu": ("SiLU", "Silu"),
    "swish": ("SiLU", "Silu"), "leaky_relu": ("LeakyReLU", "LeakyRelu"), "softplus": ("Softplus", "Softplus"),
    "softsign": ("Softsign", "Softsign"), "hard_sigmoid": ("Hardsigmoid", "Hardsigmoid"), "mish": ("Mish", "Mish"),
    "exponential": ("Exp", "Exp"), "hard_silu": ("Hardswish", "Hardswish"), "celu": ("CELU", "Celu"),
}  # fmt: skip
_ACTIVATION_LAYERS = {
    "ReLU": "relu", "LeakyReLU": "leaky_relu", "Softmax": "softmax", "ELU": "elu", "PReLU": "leaky_relu",
}  # fmt: skip
_VARIABLES = {
    "kernel": "weight",
    "embeddings": "weight",
    "depthwise_kernel": "weight",
    "pointwise_kernel": "pointwise.weight",
}
_SETTINGS = (
    "units", "filters", "kernel_size", "strides", "padding", "dilation_rate", "groups", "use_bias", "epsilon",
    "momentum", "input_dim", "output_dim", "mask_zero", "num_heads", "key_dim", "return_sequences", "dropout",
    "recurrent_dropout", "negative_slope", "pool_size", "axis", "scale", "center",
)  # fmt: skip


def children(layer: Any) -> list[Any]:
    """The layers right inside a layer."""
    return [inner for inner in getattr(layer, "_layers", ()) if inner is not layer]


class Names:
    """Names of the layers and variables of one model.

    Args:
        root: the model; its own name is its class.
    """

    def __init__(self, root: Any) -> None:
        self.root = root
        self.model = type(root).__name__
        self.layers: list[tuple[str, Any]] = []
        self._of_layer: dict[int, str] = {id(root): ""}
        self._walk(root, "")
        self.variables = self._variables()

    def _walk(self, layer: Any, path: str) -> None:
        for inner in children(layer):
            if id(inner) in self._of_layer or len(self.layers) >= MAX_LAYERS:
                continue
            name = f"{path}.{inner.name}" if path else str(inner.name)
            self._of_layer[id(inner)] = name
            self.layers.append((name, inner))
            self._walk(inner, name)

    def _variables(self) -> dict[int, tuple[str, str, Any]]:
        found: dict[int, tuple[str, str, Any]] = {}
        for name, layer in [*self.layers, ("", self.root)]:
            for variable in own_variables(layer):
                own = str(variable.name)
                full = ".".join(part for part in (name, _VARIABLES.get(own, own)) if part)
                taken = {known for known, _, _ in found.values()}
                number = next(i for i in range(1, len(taken) + 2) if (full if i == 1 else f"{full}_{i}") not in taken)
                found.setdefault(id(variable), (full if number == 1 else f"{full}_{number}", name, layer))
        return found

    def of_layer(self, layer: Any) -> str | None:
        """The name of a layer; None where it is none of the model's."""
        return self._of_layer.get(id(layer))

    def of_call(self, call: LayerCall) -> str | None:
        """The name of what was called: an activation inside a layer has one of its own."""
        name = self.of_layer(call.layer)
        return f"{name}.activation" if name is not None and call.activation else name

    def of_variable(self, variable: Any) -> str:
        """The name of a variable."""
        found = self.variables.get(id(variable))
        return found[0] if found else str(variable.path).replace("/", ".")


def own_variables(layer: Any) -> Iterator[Any]:
    """The trainable and other weights that a layer holds itself."""
    yield from getattr(layer, "_trainable_variables", ())
    yield from (v for v in getattr(layer, "_non_trainable_variables", ()) if "seed" not in str(v.name))


def class_of(layer: Any, activation: str | None = None, rank: int | None = None) -> str:
    """The class that the same layer has in PyTorch; its own where there is none."""
    own = type(layer).__name__
    function = activation or (activation_of(layer) if own == "Activation" else None)
    if function:
        return ACTIVATIONS.get(function, (function, function))[0]
    if own == "BatchNormalization":
        return f"BatchNorm{max((rank or 2) - 2, 1)}d"
    return _CLASSES.get(own, own)


def activation_of(layer: Any) -> str | None:
    """The activation that a layer is or holds, by the name of its function; None for none and for `linear`."""
    own = type(layer).__name__
    if own in _ACTIVATION_LAYERS:
        return _ACTIVATION_LAYERS[own]
    function = getattr(layer, "activation", None)
    name = getattr(function, "__name__", None) or _ACTIVATION_LAYERS.get(type(function).__name__)
    return None if name in (None, "linear") else str(name)


def settings_of(layer: Any) -> dict[str, Any]:
    """How a layer is set: values of JSON types. The dropped share is `p`, as in PyTorch."""
    found: dict[str, Any] = {}
    for name in _SETTINGS:
        value = getattr(layer, name, None)
        if isinstance(value, (bool, int, float, str)):
            found[name] = value
        elif isinstance(value, (tuple, list)) and all(isinstance(v, int) for v in value):
            found[name] = list(value)
    rate = getattr(layer, "rate", None)
    if isinstance(rate, (int, float)):
        found["p"] = float(rate)
    if "use_bias" in found:
        found["bias"] = found.pop("use_bias")
    return found


def channels_first(layer: Any, shape: list[int] | None) -> list[int] | None:
    """A shape with the channels behind the samples, where the layer has them last and the values are pictures."""
    last = getattr(layer, "data_format", "channels_last") == "channels_last"
    return [shape[0], shape[-1], *shape[1:-1]] if shape and len(shape) >= 4 and last else shape


def module_records(names: Names, heard: Heard | None, sites: Mapping[int, Site]) -> list[dict[str, Any]]:
    """Records of `modules`: the model, its layers, and the activations inside them."""
    calls: dict[str, list[tuple[int, LayerCall]]] = {}
    for order, call in enumerate(heard.calls if heard else ()):
        name = names.of_call(call)
        if name is not None:
            calls.setdefault(name, []).append((order, call))
    records = [_record(names, names.model, names.root, None, [], sites, heard is not None)]
    for name, layer in names.layers:
        records.append(_record(names, name, layer, None, calls.get(name, []), sites, heard is not None))
        inner = f"{name}.activation"
        if inner in calls:
            records.append(_record(names, inner, layer, calls[inner][0][1].activation, calls[inner], sites, True))
    return records


def _record(
    names: Names, name: str, layer: Any, activation: str | None, calls: list[tuple[int, LayerCall]],
    sites: Mapping[int, Site], seen: bool,
) -> dict[str, Any]:  # fmt: skip
    first = calls[0][1] if calls else None
    own = 0 if activation else sum(_elements(v) for v in own_variables(layer))
    site, defined = sites.get(id(layer)), class_place(type(layer))
    inner = [i for i in children(layer) if hasattr(i, "call")]
    rank = len(first.output_shape or ()) if first else None
    return {
        "name": name, "model": names.model, "cls": class_of(layer, activation, rank), "is_leaf": not inner,
        "training": True, "parameters": own, "total_parameters": _total(layer) if not activation else 0,
        "called": len(calls) if calls else 0 if seen and layer is not names.root else None,
        "order": calls[0][0] if calls else None,
        "input_shape": channels_first(layer, first.input_shape) if first else None,
        "output_shape": channels_first(layer, first.output_shape) if first else None,
        "settings": {} if activation else settings_of(layer), "file": defined[0] if defined else None,
        "line": defined[1] if defined else None, "created_file": site.file if site else None,
        "created_line": site.line if site else None, "called_file": None, "called_line": None,
    }  # fmt: skip


def _elements(variable: Any) -> int:
    count = 1
    for size in variable.shape:
        count *= int(size)
    return count


def _total(layer: Any) -> int:
    return sum(_elements(v) for v in getattr(layer, "weights", ()))


def class_place(cls: type) -> tuple[str, int] | None:
    """Where a class of the user's is defined."""
    try:
        file = inspect.getsourcefile(cls)
        if file is None or _kind(file) != 0:
            return None
        return _shown(file), inspect.findsource(cls)[1] + 1
    except (OSError, TypeError, IndexError):
        return None
