"""What a Keras model is made of, free of the backend that it was made on, and how it is made again on PyTorch."""

from __future__ import annotations

import copy
import inspect
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from netvet.capture.keras_backends import Array
from netvet.core import NetvetError
from netvet.experiments.keras_torch import told_by


@dataclass(frozen=True)
class KerasForm:
    """A compiled model as plain data.

    Args:
        config: the model and what it was compiled with, as Keras writes them down.
        custom: classes and functions of the program's own that are named in it.
        arrays: initial values of the trainable variables and of the others.
        flags: of each layer, whether it was to be trained when training began.
    """

    config: Mapping[str, Any]
    custom: Mapping[str, Any]
    arrays: tuple[Sequence[Array], Sequence[Array]]
    flags: tuple[bool, ...]

    def made(self, x: Any) -> Any:
        """The model once more, built and with its initial weights; Keras must be on the backend torch.

        Args:
            x: inputs of a batch, for layers that are built when they are first called.

        Raises:
            NetvetError: it cannot be made again, or is another one.
        """
        import keras
        import torch

        try:
            with quiet(), keras.saving.custom_object_scope(dict(self.custom)), _lenient(self.custom):
                own = copy.deepcopy(dict(self.config))  # it is emptied on the way
                model = keras.saving.deserialize_keras_object(own, safe_mode=False)
        except Exception as error:  # whatever a class of the user's does when it is made again
            raise NetvetError(_not_made(self.config, error)) from error
        try:
            with quiet(), torch.no_grad():
                model(x)
        except Exception as error:  # operations of another framework
            raise NetvetError(not_taken(error)) from error
        self._freeze(model)
        self._fill(model)
        return model

    def _freeze(self, model: Any) -> None:
        layers = model._flatten_layers(include_self=True)
        for layer, flag in zip(layers, self.flags, strict=False):
            if layer.trainable != flag:
                layer.trainable = flag

    def _fill(self, model: Any) -> None:
        """Give the variables their initial values."""
        own = (model.trainable_variables, model.non_trainable_variables)
        for variables, arrays in zip(own, self.arrays, strict=True):
            if [tuple(v.shape) for v in variables] != [a.shape for a in arrays]:
                raise NetvetError(
                    f"{model.name} has other weights when it is made again from its configuration: give its class a "
                    "get_config that holds all arguments of __init__"
                )
            for variable, array in zip(variables, arrays, strict=True):
                if "seed" not in str(variable.name):  # of random generators, which trials set themselves
                    variable.assign(array)
        for layer in model._flatten_layers(include_self=False):
            if callable(finish := getattr(layer, "finalize_state", None)):
                finish()


@contextmanager
def quiet() -> Iterator[None]:
    """What Keras warned of when the program made its model is not told again."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _lenient(custom: Mapping[str, Any]) -> Iterator[None]:
    """Let classes be made again whose __init__ takes its own arguments only: Keras hands it `trainable` and `dtype`."""
    classes = {one for one in custom.values() if isinstance(one, type) and hasattr(one, "from_config")}
    kept = [(cls, cls.__dict__.get("from_config")) for cls in classes]
    for cls in classes:
        cls.from_config = classmethod(_retrying(cls.from_config))
    try:
        yield
    finally:
        for cls, own in kept:
            if own is None:
                del cls.from_config
            else:
                cls.from_config = own


def _retrying(original: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    def from_config(cls: Any, config: Any) -> Any:
        import keras

        given = copy.deepcopy(config)
        try:
            return original(config)
        except TypeError:
            taken = [name for name in inspect.signature(cls.__init__).parameters if name in given]
            if len(taken) == len(given):
                raise
            own = {n: keras.saving.deserialize_keras_object(given[n], safe_mode=False) for n in taken}
            return cls(**own)

    return from_config


def form_of(model: Any, trainable: Sequence[Array], others: Sequence[Array], flags: tuple[bool, ...]) -> KerasForm:
    """The form of a model of this process.

    Raises:
        NetvetError: its configuration cannot be written down.
    """
    import keras

    try:
        config = keras.saving.serialize_keras_object(model)
    except Exception as error:  # a get_config of the user's, or an object without one
        raise NetvetError(_not_made({"class_name": type(model).__name__}, error)) from error
    arrays = ([np.array(a) for a in trainable], [np.array(a) for a in others])
    return KerasForm(config, dict(_custom(config, model)), arrays, flags)


def not_taken(error: Exception) -> str:
    """Why a step cannot be taken on PyTorch."""
    return (
        f"a step of the model cannot be taken on PyTorch, where trials train ({told_by(error)}); use keras.ops in "
        "layers and losses of your own, which are the same on every backend"
    )


def _not_made(config: Mapping[str, Any], error: Exception) -> str:
    return (
        f"the {config.get('class_name', 'model')} cannot be made again on PyTorch, where trials train "
        f"({told_by(error)}); layers of your own need a get_config that holds the arguments of __init__"
    )


def _custom(config: Any, model: Any) -> Iterator[tuple[str, Any]]:
    """Classes and functions that Keras does not know by itself, under the names that the configuration has for them."""
    live = _live(model)
    for one in _entries(config):
        name, module = one.get("class_name"), str(one.get("module"))
        name = one.get("config") if name == "function" else name
        if not isinstance(name, str) or module.partition(".")[0] in ("keras", "tf_keras"):
            continue
        found = live.get(name) or getattr(sys.modules.get(module), name, None)
        if found is not None:
            yield name, found
            if isinstance(registered := one.get("registered_name"), str):
                yield registered, found


def _live(model: Any) -> dict[str, Any]:
    """Classes of the layers, losses and metrics of a model, and its functions."""
    import keras

    found: dict[str, Any] = {type(layer).__name__: type(layer) for layer in model._flatten_layers(include_self=True)}
    given = keras.tree.flatten([getattr(model, "loss", None), getattr(model, "_compile_metrics", None)])
    for one in (*given, getattr(model, "optimizer", None)):
        if callable(one) and hasattr(one, "__name__"):
            found[one.__name__] = one
        elif one is not None and not isinstance(one, str):
            found[type(one).__name__] = type(one)
    return found


def _entries(config: Any) -> Iterator[Mapping[str, Any]]:
    """Everything in a configuration that names a class or a function."""
    if isinstance(config, Mapping):
        if "class_name" in config:
            yield config
        for value in config.values():
            yield from _entries(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            yield from _entries(value)
