"""Losses of the user's own in Keras: whether every output is compared with every target. Records `broadcasts`.

What such a function does is known by its value alone: on a few samples it is the mean over all pairs of what it gives
for a single output with a single target, where a right one is the mean over the pairs that belong together.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.capture.keras_backends import Array
from netvet.capture.keras_contract import Contract, entering
from netvet.capture.keras_forward import quiet_generators
from netvet.capture.keras_training import Training
from netvet.capture.site import _kind, _shown

# Samples that are compared: three times three single pairs, and all together.
SAMPLES = 3
# Float32 sums in another order agree to this; a mean over the right pairs that is as near as the second tells nothing.
ROUNDING, APART = 1e-4, 1e-3
Value = Callable[[Array, Array], float]  # of targets and what is compared with them, [samples, ...] each


def own_losses(training: Training) -> None:
    """Record `broadcasts`: the losses of the user's own that compare all pairs."""
    found = [_compiled(training, contract) for contract in training.contracts] or [_computed(training)]
    records = [record for record in found if record is not None]
    if records:
        training.recorder.facts("broadcasts", records)


def _compiled(training: Training, contract: Contract) -> dict[str, Any] | None:
    """A function that was given to `compile`."""
    look, plan = training.look, training.first
    flat = getattr(getattr(training.model, "_compile_loss", None), "_flat_losses", None) or ()
    loss = flat[contract.place].loss if contract.place < len(flat) else None
    function = getattr(loss, "fn", None) or getattr(loss, "call", loss)
    place = _defined(function)
    if look is None or plan is None or not plan.batches or place is None:
        return None
    batch = plan.batches[0]
    y = batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None
    pair = entering(contract, y, look.outputs, look.heard.paths)
    if pair is None or loss is None:
        return None

    def value(target: Array, output: Array) -> float:
        from keras import ops

        both = ops.convert_to_tensor(target), ops.convert_to_tensor(output)
        return float(np.asarray(training.backend.array(loss(*both))).mean())

    return _record(training, value, training.arrays(pair[1])[0], pair[0], contract.own, place)


def _computed(training: Training) -> dict[str, Any] | None:
    """A `compute_loss` of the model's own."""
    plan, method = training.first, getattr(type(training.model), "compute_loss", None)
    place = _defined(method)
    if plan is None or not plan.batches or not plan.trainable or place is None or training.look is None:
        return None
    batch = plan.batches[0]
    if not isinstance(batch, (tuple, list)) or len(batch) < 2 or len(training.look.outputs) != 1:
        return None
    inputs, targets = training.arrays(batch[0]), training.arrays(batch[1])
    if len(inputs) != 1 or len(targets) != 1:
        return None
    output, x = training.look.outputs[0], inputs[0]
    if len(output) != len(x):
        return None

    def value(target: Array, rows: Array) -> float:
        given = (training.structured([x[rows]]), target, None)
        return training.sandbox.loss(plan.trainable, plan.others, given)

    return _record(training, value, targets[0], output, "compute_loss", place, np.arange(len(x)))


def _record(
    training: Training, value: Value, target: Array, output: Array, name: str, place: tuple[str, int],
    compared: Array | None = None,
) -> dict[str, Any] | None:  # fmt: skip
    if target.ndim == 0 or output.ndim == 0 or len(target) != len(output) or len(target) < SAMPLES:
        return None
    try:
        with quiet_generators():
            crossed = all_pairs(value, target, output, compared)
    except Exception as error:  # a function that takes no such batch
        training.recorder.missing("broadcasts", f"{name} cannot be asked of a few samples: {type(error).__name__}")
        return None
    shapes = {"left": list(output.shape), "right": list(target.shape), "result": None}
    pairs = output.size * len(target)
    return {"op": name, **shapes, "pairs": pairs, "file": place[0], "line": place[1]} if crossed else None


def all_pairs(value: Value, target: Array, output: Array, compared: Array | None = None) -> bool:
    """Whether a loss is the mean or the sum over all pairs of an output and a target.

    Args:
        value: the loss; of some targets and as many rows of `compared`, which are the outputs where it is None.
        target: [samples, ...]; `output`: [samples, ...], of which some that differ are chosen.
    """
    rows = output if compared is None else compared
    wanted, given = target[_spread(target)], rows[_spread(output)]
    count = len(wanted)
    singles = np.array([[value(wanted[i : i + 1], given[j : j + 1]) for j in range(count)] for i in range(count)])
    whole, own, crossed = value(wanted, given), float(singles.diagonal().mean()), float(singles.mean())
    if not np.isfinite([whole, own, crossed]).all():
        return False
    scales = (1, count, count * count)  # a mean, a sum over one axis, a sum over both
    near = any(abs(whole - crossed * s) <= ROUNDING * abs(whole) for s in scales)
    return near and all(abs(whole - own * s) > APART * abs(whole) for s in scales)


def _spread(array: Array) -> npt.NDArray[np.intp]:
    """Places of a few samples from the least to the greatest."""
    means = array.reshape(len(array), -1).astype(np.float64).mean(1)
    order: npt.NDArray[np.intp] = np.argsort(means, kind="stable")
    return np.asarray(order[np.linspace(0, len(means) - 1, SAMPLES).astype(int)])


def _defined(function: Any) -> tuple[str, int] | None:
    """Where a function of the user's own begins; None for those of Keras and other packages."""
    code = getattr(inspect.unwrap(function) if callable(function) else None, "__code__", None)
    if code is None or _kind(code.co_filename) != 0:
        return None
    return _shown(code.co_filename), int(code.co_firstlineno)
