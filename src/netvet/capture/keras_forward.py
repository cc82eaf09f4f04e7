"""A step of a Keras model once more, beside the training: on values of its own, with each layer heard.

Nothing of the model changes: its variables are read from and written to a scope of their own, and random numbers are
drawn from the state that the step itself began with.
"""

from __future__ import annotations

import random
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netvet.capture.keras_backends import Array, Backend

# Elements of one output that are brought back, from its first samples on.
MAX_ELEMENTS = 1_000_000
# Each form of a batch is compiled by itself with JAX, which takes a second and more.
MAX_FORMS = 1


@dataclass(slots=True)
class LayerCall:
    """A call of a layer, or of the activation inside one (`activation`: its function).

    Attributes:
        inputs: ids of the tensors that went in; `output`: of the first that came out.
        kept: position of the output among those that are brought back, or None.
    """

    layer: Any
    activation: str | None
    inputs: list[int]
    output: int
    input_shape: list[int] | None
    output_shape: list[int] | None
    kept: int | None = None


@dataclass(slots=True)
class Heard:
    """What was heard of one forward pass."""

    calls: list[LayerCall] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)
    paths: list[tuple[str, ...]] = field(default_factory=list)  # of the outputs in their structure
    inputs: list[int] = field(default_factory=list)
    taps: dict[int, Any] = field(default_factory=dict)  # added to what a layer puts out before its activation
    alive: list[Any] = field(default_factory=list)  # so that ids stay theirs


@dataclass(slots=True)
class Look:
    """One step as it was.

    Attributes:
        outputs: of the model, by place; `layers`: each call with its output; `gradients`: by trainable variable.
    """

    loss: float
    outputs: list[Array]
    layers: list[tuple[LayerCall, Array | None]]
    gradients: list[Array | None]
    heard: Heard


class Sandbox:
    """Runs steps of one model on values of their own."""

    def __init__(self, model: Any, backend: Backend) -> None:
        self._model, self._backend = model, backend
        self._trainable, self._others = list(model.trainable_variables), list(model.non_trainable_variables)
        self._heard: dict[Any, Heard] = {}
        self.forms: set[tuple[tuple[int, ...], ...]] = set()  # shapes of the batches that were looked at
        self._plain: dict[tuple[str, bool], Callable[..., Any]] = {}
        self._functions: dict[bool, Callable[..., tuple[Any, Any]]] = {}

    def step(self, trainable: Sequence[Array], others: Sequence[Array], batch: Any, *, training: bool = True) -> Look:
        """Loss, gradients and outputs of all layers for a batch (x, y, sample weights)."""
        function = self._functions.setdefault(training, self._function(training=training))
        self.forms.add(_shapes(batch))
        x, y, weights = _unpacked(batch)
        with quiet_generators():
            loss, beside, gradients = self._backend.gradients(function, trainable, (list(others), x, y, weights))
        key = (training, _shapes(x))
        heard = self._heard[key] if key in self._heard else self._heard[training]
        array = self._backend.array
        values = [array(v) for v in beside["layers"]]
        layers = [(call, None if call.kept is None else values[call.kept]) for call in heard.calls]
        found = [None if g is None else array(g) for g in gradients]
        return Look(float(array(loss)), [array(o) for o in beside["outputs"]], layers, found, heard)

    def slow(self, batch: Any) -> bool:
        """Whether a look at a batch would be compiled once more: one of another form than those before."""
        return self._backend.name == "jax" and len(self.forms) >= MAX_FORMS and _shapes(batch) not in self.forms

    def slopes(
        self, trainable: Sequence[Array], others: Sequence[Array], batch: Any, layers: dict[str, tuple[Any, Any]]
    ) -> dict[str, Array]:
        """Gradients of the loss at what layers put out before their activation, by name.

        Args:
            layers: each with the shape of its output.
        """
        count, own = len(trainable), [layer for layer, _ in layers.values()]

        def run(values: Any, others: Any, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
            taps = {id(layer): tap for layer, tap in zip(own, values[count:], strict=True)}
            with self._scope(values[:count], others):
                with listening(Heard(taps=taps)):
                    outputs = self._called(x, training=True)
                return self._loss(x, y, outputs, weights, training=True), {}

        x, y, weights = _unpacked(batch)
        zeros = [np.zeros(shape, dtype=np.float32) for _, shape in layers.values()]
        with quiet_generators():
            _, _, found = self._backend.gradients(run, [*trainable, *zeros], (list(others), x, y, weights))
        return {n: self._backend.array(g) for n, g in zip(layers, found[count:], strict=True) if g is not None}

    def outputs(
        self, trainable: Sequence[Array], others: Sequence[Array], x: Any, *, training: bool = False
    ) -> list[Array]:
        """What the model puts out."""

        def run(trainable: Any, others: Any, x: Any) -> list[Any]:
            with self._scope(trainable, others):
                return _leaves(self._called(x, training=training))

        made = self._plain.setdefault(("outputs", training), run)
        with quiet_generators():
            return [self._backend.array(o) for o in self._backend.call(made, (list(trainable), list(others), x))]

    def loss(self, trainable: Sequence[Array], others: Sequence[Array], batch: Any, *, training: bool = False) -> float:
        """The loss of a batch."""

        def run(trainable: Any, others: Any, x: Any, y: Any, weights: Any) -> Any:
            with self._scope(trainable, others):
                return self._loss(x, y, self._called(x, training=training), weights, training=training)

        made = self._plain.setdefault(("loss", training), run)
        with quiet_generators():
            values = self._backend.call(made, (list(trainable), list(others), *_unpacked(batch)))
            return float(self._backend.array(values))

    def _function(self, *, training: bool) -> Callable[..., tuple[Any, Any]]:
        def run(trainable: Any, others: Any, x: Any, y: Any, weights: Any) -> tuple[Any, Any]:
            heard = Heard()
            with self._scope(trainable, others):
                with listening(heard):
                    outputs = self._called(x, training=training)
                loss = self._loss(x, y, outputs, weights, training=training)
            heard.outputs = [id(o) for o in _leaves(outputs)]
            heard.inputs, heard.paths = [id(i) for i in _leaves(x)], paths_of(outputs)
            values, heard.values, heard.alive = heard.values, [], []
            self._heard[training, _shapes(x)] = self._heard[training] = heard
            return loss, {"outputs": _leaves(outputs), "layers": values}

        return run

    @contextmanager
    def _scope(self, trainable: Sequence[Any], others: Sequence[Any]) -> Iterator[None]:
        import keras

        pairs = [*zip(self._trainable, trainable, strict=True), *zip(self._others, others, strict=True)]
        # A loss may add to a mean that is kept of it; between steps of JAX, its variables have no value of their own.
        pairs += [(v, keras.ops.zeros(v.shape, v.dtype)) for v in self._model.metrics_variables]
        # As Keras has it in its own stateless calls: what layers add to the loss is kept in the scope.
        with keras.StatelessScope(state_mapping=pairs, collect_losses=True, initialize_variables=False):
            yield

    def _called(self, x: Any, *, training: bool) -> Any:
        model = self._model
        return model(x, training=training) if getattr(model, "_call_has_training_arg", True) else model(x)

    def _loss(self, x: Any, y: Any, outputs: Any, weights: Any, *, training: bool) -> Any:
        model = self._model
        more = {"training": training} if getattr(model, "_compute_loss_has_training_arg", True) else {}
        return model.compute_loss(x=x, y=y, y_pred=outputs, sample_weight=weights, **more)


@contextmanager
def listening(heard: Heard) -> Iterator[None]:
    """Hear each call of a layer, and of the plain functions that are activations inside layers."""
    import keras

    original = keras.Operation.__call__
    changed: list[tuple[Any, Any]] = []
    inside: list[Any] = []
    tapped: set[int] = set()
    # What is called within these may be traced as the body of a loop, whose values must not leave it.
    unrolled = (keras.layers.RNN, keras.layers.TimeDistributed)

    def called(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if any(isinstance(outer, unrolled) for outer in inside):
            return original(operation, *args, **kwargs)
        activation = operation.__dict__.get("activation") if hasattr(operation, "kernel") else None
        known = any(layer is operation for layer, _ in changed)
        if callable(activation) and not isinstance(activation, keras.Layer) and not known:
            changed.append((operation, activation))
            operation.__dict__["activation"] = _activated(heard, operation, activation, tapped)
        inside.append(operation)
        try:
            output = original(operation, *args, **kwargs)
        finally:
            inside.pop()
        inner = _repeated(operation)
        for layer in (operation, inner):
            if id(layer) in heard.taps and id(layer) not in tapped:
                output = output + keras.ops.cast(heard.taps[id(layer)], output.dtype)
        if inner is not None:
            _note(heard, inner, _activation_name(inner), (args, kwargs), output)
        _note(heard, operation, None, (args, kwargs), output)
        return output

    keras.Operation.__call__ = called
    try:
        yield
    finally:
        keras.Operation.__call__ = original
        for layer, activation in changed:
            layer.__dict__["activation"] = activation


def _repeated(operation: Any) -> Any:
    """The layer that a `TimeDistributed` applies to each time, where it is a single one; else None."""
    import keras

    inner = operation.layer if isinstance(operation, keras.layers.TimeDistributed) else None
    return None if getattr(inner, "_layers", None) else inner


def _activation_name(layer: Any) -> str | None:
    """The activation inside a layer with weights; None for none and for `linear`."""
    name = getattr(getattr(layer, "activation", None), "__name__", None) if hasattr(layer, "kernel") else None
    return None if name == "linear" else name


def _activated(heard: Heard, layer: Any, activation: Callable[[Any], Any], tapped: set[int]) -> Callable[[Any], Any]:
    """The activation of a layer, heard as a layer of its own behind it."""

    def activated(values: Any) -> Any:
        import keras

        name = str(getattr(activation, "__name__", "activation"))
        if id(layer) in heard.taps:
            tapped.add(id(layer))
            values = values + keras.ops.cast(heard.taps[id(layer)], values.dtype)
        if name == "linear":
            return activation(values)
        _note(heard, layer, "", None, values)
        output = activation(values)
        _note(heard, layer, name, ((values,), {}), output)
        return output

    return activated


def _note(heard: Heard, layer: Any, activation: str | None, given: Any, output: Any) -> None:
    """Take down one call; `activation` is empty for what a layer computes before its activation."""
    first = next(iter(_leaves(output)), None)
    if first is None:
        return
    if activation is None and heard.calls and heard.calls[-1].layer is layer and heard.calls[-1].activation:
        begun = next(c for c in reversed(heard.calls) if c.layer is layer and c.activation is None)
        begun.inputs, begun.input_shape = _ids(given), _shape(next(iter(_leaves(given)), None))
        return  # the layer ends where its activation does
    ids = _ids(given) if given is not None else []
    call = LayerCall(layer, activation or None, ids, id(first), None, _shape(first))
    call.input_shape = _shape(next(iter(_leaves(given)), None)) if given is not None else None
    heard.alive.append((given, output))
    if "float" in str(getattr(first, "dtype", "")) and len(_shape(first) or ()) > 0:
        shape = _shape(first) or [1]
        rows = max(1, MAX_ELEMENTS // max(int(np.prod(shape[1:])), 1))
        call.kept = len(heard.values)
        heard.values.append(first[:rows] if shape[0] > rows else first)
    heard.calls.append(call)


def _ids(given: Any) -> list[int]:
    return [id(leaf) for leaf in _leaves(given)]


def _leaves(values: Any) -> list[Any]:
    """The tensors in a structure, in order."""
    if isinstance(values, dict):
        return [leaf for key in values for leaf in _leaves(values[key])]
    if isinstance(values, (list, tuple)):
        return [leaf for value in values for leaf in _leaves(value)]
    return [values] if hasattr(values, "shape") and hasattr(values, "dtype") else []


def paths_of(values: Any) -> list[tuple[str, ...]]:
    """Where the tensors of `leaves_of` are in their structure: keys and positions."""
    if isinstance(values, dict):
        return [(str(key), *path) for key in values for path in paths_of(values[key])]
    if isinstance(values, (list, tuple)):
        return [(str(i), *path) for i, value in enumerate(values) for path in paths_of(value)]
    return [()] if hasattr(values, "shape") and hasattr(values, "dtype") else []


def leaves_of(values: Any) -> list[Any]:
    """The tensors in a structure, in order."""
    return _leaves(values)


def _shape(tensor: Any) -> list[int] | None:
    try:
        return [int(n) for n in tensor.shape]
    except (TypeError, ValueError, AttributeError):
        return None


def _shapes(values: Any) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(_shape(leaf) or ()) for leaf in _leaves(values))


def _unpacked(batch: Any) -> tuple[Any, Any, Any]:
    """x, y and sample weights of a batch, as Keras takes it apart."""
    if isinstance(batch, (list, tuple)):
        x, y, weights = (*batch, None, None, None)[:3]
        return x, y, weights
    return batch, None, None


@contextmanager
def quiet_generators() -> Iterator[None]:
    """The generators of Python, NumPy and PyTorch go on as if nothing had been drawn; no warning comes twice."""
    torch = sys.modules.get("torch")
    kept = random.getstate(), np.random.get_state(), torch.get_rng_state() if torch is not None else None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        if torch is not None and kept[2] is not None:
            torch.set_rng_state(kept[2])
