"""What differs between the backends of Keras: reading values, gradients, and the batches on their way to a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
# Takes the values of the trainable variables and what else there is; gives a loss and anything beside it.
Function = Callable[..., tuple[Any, Any]]
Tell = Callable[[Any], object]


class Backend(Protocol):
    """One of the three."""

    name: str

    def array(self, value: Any) -> Array:
        """A copy of a tensor in memory of NumPy's own."""

    def gradients(self, function: Function, values: Sequence[Array], rest: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        """Loss, what the function gives beside it, and gradients (None: not reached) at some values."""

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        """What a function of tensors alone gives, without gradients; compiled where single operations are slow."""

    def state(self, model: Any, arguments: tuple[Any, ...]) -> dict[str, list[Any]]:
        """Present values of `trainable`, `non_trainable`, `optimizer` and `metrics` variables of a step to come."""

    def heard(self, arguments: tuple[Any, ...], tell: Tell) -> tuple[Any, ...] | None:
        """The arguments of a step function, which tell of each batch that it takes; None where they cannot."""


def backend_of(name: str) -> Backend | None:
    """The backend that Keras uses; None where netvet does not know it."""
    made: dict[str, type[Backend]] = {"torch": _Torch, "jax": _Jax, "tensorflow": _TensorFlow}
    return made[name]() if name in made else None


def _variables(model: Any) -> dict[str, list[Any]]:
    optimizer = getattr(model, "optimizer", None)
    return {
        "trainable": list(model.trainable_variables), "non_trainable": list(model.non_trainable_variables),
        "optimizer": list(optimizer.variables) if optimizer is not None else [],
        "metrics": list(model.metrics_variables),
    }  # fmt: skip


class _Eager:
    """Backends that keep the state of a training in the variables."""

    def state(self, model: Any, arguments: tuple[Any, ...]) -> dict[str, list[Any]]:
        return {kind: [v.value for v in some] for kind, some in _variables(model).items()}


class _Torch(_Eager):
    name = "torch"

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        import torch

        with torch.no_grad():
            return function(*arguments)

    def array(self, value: Any) -> Array:
        value = value.detach()
        value = value.float() if str(value.dtype) == "torch.bfloat16" else value
        return np.array(value.cpu().numpy(), copy=True)

    def gradients(self, function: Function, values: Sequence[Array], rest: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        import torch
        from keras import ops

        tensors = [ops.convert_to_tensor(v).detach().clone().requires_grad_(v.dtype.kind == "f") for v in values]
        wanted = [t for t in tensors if t.requires_grad]
        with torch.enable_grad():
            loss, beside = function(tensors, *rest)
            found = iter(torch.autograd.grad(loss, wanted, allow_unused=True) if loss.requires_grad else ())
        return loss, beside, [next(found, None) if t.requires_grad else None for t in tensors]

    def heard(self, arguments: tuple[Any, ...], tell: Tell) -> tuple[Any, ...] | None:
        for batch in arguments[0]:
            tell(batch)
        return arguments


class _Jax:
    name = "jax"

    def __init__(self) -> None:
        self._compiled: dict[int, Any] = {}
        self._kept: list[Function] = []  # so that their ids stay theirs

    def array(self, value: Any) -> Array:
        import jax.numpy as jnp

        # Of a copy: the buffer of a state is given away to the next step.
        found = np.asarray(jnp.array(value, copy=True))
        return np.array(found, dtype=np.float32 if str(found.dtype) == "bfloat16" else found.dtype, copy=True)

    def gradients(self, function: Function, values: Sequence[Array], rest: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        import jax

        def both(values: Any, *rest: Any) -> Any:
            return jax.value_and_grad(function, has_aux=True)(values, *rest)

        (loss, beside), found = self._jitted(function, both)(list(values), *rest)
        return loss, beside, found

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        return self._jitted(function, function)(*arguments)

    def _jitted(self, function: Callable[..., Any], run: Callable[..., Any]) -> Callable[..., Any]:
        import jax

        if id(function) not in self._compiled:
            self._kept.append(function)
            self._compiled[id(function)] = jax.jit(run)
        made: Callable[..., Any] = self._compiled[id(function)]
        return made

    def state(self, model: Any, arguments: tuple[Any, ...]) -> dict[str, list[Any]]:
        kinds = ("trainable", "non_trainable", "optimizer", "metrics")
        if len(arguments[0]) == 3:  # of an evaluation
            kinds = ("trainable", "non_trainable", "metrics", "optimizer")
        return dict(zip(kinds, (list(part) for part in arguments[0]), strict=False))

    def heard(self, arguments: tuple[Any, ...], tell: Tell) -> tuple[Any, ...] | None:
        return (arguments[0], _told(arguments[1], tell))


class _TensorFlow(_Eager):
    name = "tensorflow"

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        return function(*arguments)

    def __init__(self) -> None:
        self._feeds: tuple[Any, Any, list[Tell]] | None = None

    def array(self, value: Any) -> Array:
        found = np.asarray(value)
        return np.array(found, dtype=np.float32 if str(found.dtype) == "bfloat16" else found.dtype, copy=True)

    def gradients(self, function: Function, values: Sequence[Array], rest: tuple[Any, ...]) -> tuple[Any, Any, Any]:
        import tensorflow as tf

        tensors = [tf.constant(v) for v in values]
        with tf.GradientTape() as tape:
            for tensor in tensors:
                tape.watch(tensor)
            loss, beside = function(tensors, *rest)
        found = tape.gradient(loss, tensors)
        return loss, beside, [None if g is None else tf.convert_to_tensor(g) for g in found]

    def heard(self, arguments: tuple[Any, ...], tell: Tell) -> tuple[Any, ...] | None:
        import tensorflow as tf

        given = arguments[0]
        if not isinstance(given, tf.data.Iterator):
            return None if isinstance(given, tf.distribute.DistributedIterator) else (_told(given, tell),)
        if self._feeds is None or self._feeds[0] is not given:
            tells: list[Tell] = [tell]
            # Compiled steps take an iterator of TensorFlow: this one asks the program's for each batch as it comes.
            feed = tf.data.Dataset.from_generator(
                lambda: _told(given, lambda batch: tells[0](batch)), output_signature=given.element_spec
            )
            options = tf.data.Options()
            options.autotune.enabled = False
            self._feeds = given, iter(feed.with_options(options)), tells
        _, feed, tells = self._feeds
        tells[0] = tell
        return (feed,)


def _told(given: Any, tell: Tell) -> Iterator[Any]:
    """The same batches, each of which is told of on its way."""
    for batch in given:
        tell(batch)
        yield batch
