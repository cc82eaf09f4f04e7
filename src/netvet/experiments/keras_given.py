"""The problem of a Keras model that a user gives, with its data, in place of a program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from netvet.capture.keras_backends import backend_of
from netvet.capture.keras_contract import contracts_of
from netvet.capture.keras_forward import leaves_of, paths_of
from netvet.capture.keras_setup import KeptBatch, KerasSetup, Split, filled, frozen_flags, hollow
from netvet.core import NetvetError
from netvet.experiments.keras_problem import NAMES, Material, problem_of_material
from netvet.experiments.keras_torch import BACKEND
from netvet.experiments.problem import Problem


def problem_of_model(
    model: Any, train: Any, val: Any, *, batch_size: int, pretrained: bool | None, origin: str
) -> Problem:
    """Make the problem of a compiled model; its present weights are the initial ones.

    Args:
        train: (x, y) or (x, y, weights) of arrays, or batches of these: a PyDataset, a tf.data.Dataset, a DataLoader, a
            list; `val`: likewise, or None.

    Raises:
        NetvetError: the model is not compiled, or is on another backend than torch, or the data cannot be read.
    """
    import keras

    name = keras.backend.backend()
    backend = backend_of(name)
    if backend is None or name != BACKEND:
        raise NetvetError(
            f"the model is on {NAMES.get(name, name)}, and trials train on PyTorch: set KERAS_BACKEND=torch before "
            "Keras is imported, or give the program to `netvet recipe train.py`, which takes any backend"
        )
    if not getattr(model, "compiled", False):
        raise NetvetError("the Keras model is not compiled; call model.compile(optimizer=..., loss=...) before")
    found = backend
    kept = KerasSetup(lambda leaf: found.array(leaf) if hasattr(leaf, "detach") else np.asarray(leaf), ())
    _read(kept, "train", train, batch_size)
    if val is not None:
        _read(kept, "val", val, batch_size)
    first = kept.splits["train"][0]
    outputs = model(filled(first.x.form, [keras.ops.convert_to_tensor(a) for a in first.x.arrays.values()]))
    _build_loss(model, first, outputs)
    kept.trainable = frozen_flags(model)
    values = ([found.array(v.value) for v in model.trainable_variables],
              [found.array(v.value) for v in model.non_trainable_variables])  # fmt: skip
    rate = float(found.array(model.optimizer.learning_rate.value)) if _is_variable(model.optimizer) else 0.0
    material = Material(
        model, name, kept, values, contracts_of(model), paths_of(outputs), [rate], pretrained=bool(pretrained)
    )
    return problem_of_material(material, origin)


def _build_loss(model: Any, first: KeptBatch, outputs: Any) -> None:
    """Which losses belong to which outputs, which Keras asks at its first step."""
    import keras

    compiled, targets = getattr(model, "_compile_loss", None), first.y.arrays.values()
    if compiled is not None and not compiled.built and targets:
        compiled.build(filled(first.y.form, [keras.ops.convert_to_tensor(a) for a in targets]), outputs)


def _is_variable(optimizer: Any) -> bool:
    return hasattr(getattr(optimizer, "learning_rate", None), "value")


def _read(kept: KerasSetup, split: Split, given: Any, size: int) -> None:
    for batch in _batches(given, split, size):
        if not kept.takes(split):
            break
        kept.keep(split, batch)
    if not kept.splits[split]:
        raise NetvetError(f"the data of {split} are empty: expected at least one batch")


def _batches(given: Any, split: str, size: int) -> Iterator[Any]:
    """Batches of arrays, cut; of anything else its own."""
    if isinstance(given, tuple) and len(given) in (2, 3):
        leaves = leaves_of(given)
        lengths = {len(leaf) for leaf in leaves}
        if len(lengths) != 1:
            shapes = " and ".join(str(tuple(leaf.shape)) for leaf in leaves) or type(given[0]).__name__
            raise NetvetError(f"the arrays of {split} have different lengths: {shapes}")
        for start in range(0, lengths.pop(), size):
            yield filled(hollow(given), [leaf[start : start + size] for leaf in leaves])
        return
    if hasattr(given, "__getitem__") and hasattr(given, "__len__"):  # a PyDataset has no end as an iterator
        yield from (given[i] for i in range(len(given)))
        return
    if not isinstance(given, Iterable) or isinstance(given, Iterator):
        raise NetvetError(
            f"{split} is a {type(given).__name__}; expected (x, y) of arrays, or a data set that gives batches of them"
        )
    yield from given
