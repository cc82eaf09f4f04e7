"""What a compiled Keras model compares with what: each loss function by the name it has in PyTorch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from netvet.capture.keras_backends import Array
from netvet.capture.keras_forward import leaves_of, paths_of

# Functions of Keras that PyTorch has too. Those of classes depend on `from_logits`.
_SAME = {
    "mean_squared_error": "mse_loss", "mse": "mse_loss", "MSE": "mse_loss", "mean_absolute_error": "l1_loss",
    "mae": "l1_loss", "MAE": "l1_loss", "huber": "huber_loss", "log_cosh": "smooth_l1_loss",
}  # fmt: skip
_CLASSES = ("categorical_crossentropy", "sparse_categorical_crossentropy")
REGRESSION = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
CLASSIFYING = ("cross_entropy", "nll_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
_AMOUNTS = (*REGRESSION, "mean_squared_logarithmic_error", "mean_absolute_percentage_error", "poisson")
# An output of 0 or 1 counts where it is more than half.
HALF = 0.5
_EPSILON = 1e-7  # where Keras cuts probabilities off

Task = Literal["classes", "binary", "multilabel", "regression", "probabilities", "sequence"]


@dataclass(frozen=True, slots=True)
class Contract:
    """One loss of a compiled model.

    Args:
        function: its name in PyTorch, else in Keras; `own`: in Keras.
        probabilities: it takes probabilities, no logits.
        path: where its output is in the structure of all outputs; `place`: its place among the losses.
        weight: what its value is multiplied with in the sum of all.
    """

    function: str
    own: str
    probabilities: bool
    sparse: bool
    place: int
    path: tuple[str, ...]
    output: str | None
    weight: float
    reduction: str
    label_smoothing: float


def contracts_of(model: Any) -> list[Contract]:
    """The losses of a compiled model, one for each output that has one; empty where the model computes its own."""
    compiled = getattr(model, "_compile_loss", None)
    flat = getattr(compiled, "_flat_losses", None)
    if not flat:
        return []
    return [
        _contract(entry, place, str(entry.name) if len(flat) > 1 and entry.name else None)
        for place, entry in enumerate(flat)
        if entry is not None and entry.loss is not None
    ]


def _contract(entry: Any, place: int, output: str | None) -> Contract:
    loss = entry.loss
    function = getattr(loss, "fn", None) or loss
    own = str(getattr(function, "__name__", type(function).__name__))
    settings = dict(getattr(loss, "_fn_kwargs", None) or {})
    logits = bool(settings.get("from_logits", getattr(loss, "from_logits", False)))
    name = _SAME.get(own, own)
    if own in _CLASSES:
        name = "cross_entropy" if logits else "nll_loss"
    elif own == "binary_crossentropy":
        name = "binary_cross_entropy_with_logits" if logits else "binary_cross_entropy"
    reduction = {"sum": "sum", "none": "none", None: "none"}.get(getattr(loss, "reduction", "mean"), "mean")
    weight = entry.weight if isinstance(getattr(entry, "weight", None), (int, float)) else 1.0
    probabilities = not logits and (own in _CLASSES or own == "binary_crossentropy")
    smoothing = float(settings.get("label_smoothing") or 0.0)
    path = tuple(str(key) for key in getattr(entry, "path", ()))
    sparse = own.startswith("sparse")
    return Contract(name, own, probabilities, sparse, place, path, output, weight, reduction, smoothing)


def which_output(contract: Contract, paths: Sequence[tuple[str, ...]]) -> int | None:
    """The place of the output that a loss takes among all outputs, which have these paths; None where there is none."""
    if len(paths) == 1:
        return 0
    return paths.index(contract.path) if contract.path in paths else None


def entering(
    contract: Contract, y: Any, outputs: Sequence[Any], paths: Sequence[tuple[str, ...]]
) -> tuple[Any, Any] | None:
    """The output and the targets of a batch that a loss takes; None where they are not found."""
    at, found = which_output(contract, paths), paths_of(y)
    if at is None or at >= len(outputs):
        return None
    targets = dict(zip(found, leaves_of(y), strict=True))
    named = (contract.output,) if contract.output else ()
    for path in (contract.path, named, (str(contract.place),)):
        if path in targets:
            return outputs[at], targets[path]
    return (outputs[at], next(iter(targets.values()))) if len(targets) == 1 and len(paths) == 1 else None


def task_of(contract: Contract, output: Array, target: Array) -> Task | None:
    """What sort of target a loss has; None where it is not known."""
    if contract.function in CLASSIFYING:
        if not contract.sparse and not is_one_hot(target):
            return "probabilities"
        return "sequence" if output.ndim >= 3 else "classes"
    if contract.function in BINARY:
        if not np.isin(target, (0, 1)).all():
            return "probabilities"
        return "binary" if output.ndim < 2 or output.shape[-1] == 1 else "multilabel"
    if contract.function in ("hinge", "squared_hinge"):
        return "binary" if output.ndim < 2 or output.shape[-1] == 1 else None
    if contract.function == "categorical_hinge":
        return "classes" if is_one_hot(target) else None
    return "regression" if contract.function in _AMOUNTS else None


def is_one_hot(target: Array) -> bool:
    """Whether each row has a single one, and zeros else."""
    if target.ndim < 2 or target.shape[-1] < 2:
        return False
    return bool(np.isin(target, (0, 1)).all() and (target.sum(-1) == 1).all())


def labels_of(contract: Contract, output: Array, target: Array) -> npt.NDArray[np.int64] | None:
    """The class of each target, flat; None where there are none."""
    task = task_of(contract, output, target)
    if task in ("classes", "sequence"):
        if contract.sparse:
            return target.reshape(-1).astype(np.int64) if _whole(target) else None
        return np.asarray(target.argmax(-1).reshape(-1), dtype=np.int64)
    return target.reshape(-1).astype(np.int64) if task == "binary" and _whole(target) else None


def _whole(target: Array) -> bool:
    return bool(np.isfinite(target).all() and (target == np.round(target)).all())


def predicted_labels(contract: Contract, output: Array, target: Array) -> npt.NDArray[np.int64] | None:
    """The class that each output stands for, flat; None where there are none."""
    task = task_of(contract, output, target)
    if task in ("classes", "sequence"):
        return output.argmax(-1).reshape(-1).astype(np.int64) if output.shape[-1] > 1 else None
    if task == "binary":
        limit = HALF if contract.probabilities else 0.0
        return (output.reshape(-1) > limit).astype(np.int64)
    return None


def classes_of(contract: Contract, output: Array) -> int | None:
    """Number of outputs along the axis of the classes."""
    if output.ndim < 2:
        return 1 if contract.function in BINARY else None
    return int(output.shape[-1]) if contract.function in (*CLASSIFYING, *BINARY, "categorical_hinge") else None


def loss_at(contract: Contract, output: Array, target: Array) -> float | None:
    """The mean loss of some outputs, as the function defines it. Float64; None for functions not known here."""
    out, wanted = output.astype(np.float64), target.astype(np.float64)
    if contract.function in CLASSIFYING:
        logs = _log_probabilities(contract, out)
        if contract.sparse:
            labels = wanted.reshape(-1).astype(np.int64)
            if labels.min(initial=0) < 0 or labels.max(initial=0) >= out.shape[-1]:
                return None
            return float(-logs.reshape(len(labels), -1)[np.arange(len(labels)), labels].mean())
        return float(-(wanted * logs).sum(-1).mean()) if wanted.shape == out.shape else None
    if wanted.size != out.size:
        return None
    wanted = wanted.reshape(out.shape)
    if contract.function in BINARY:
        shares = out if contract.probabilities else 1 / (1 + np.exp(-np.clip(out, -500, 500)))
        shares = np.clip(shares, _EPSILON, 1 - _EPSILON)
        return float(-(wanted * np.log(shares) + (1 - wanted) * np.log(1 - shares)).mean())
    if contract.function == "mse_loss":
        return float(np.square(wanted - out).mean())
    return float(np.abs(wanted - out).mean()) if contract.function == "l1_loss" else None


def _log_probabilities(contract: Contract, out: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    if contract.probabilities:
        total = out.sum(-1, keepdims=True)
        return np.log(np.clip(out / np.where(total == 0, 1.0, total), _EPSILON, 1 - _EPSILON))
    shifted = out - out.max(-1, keepdims=True)
    found: npt.NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return found


def takes_back(contract: Contract, op: str | None) -> bool:
    """Whether Keras on TensorFlow hands the loss what entered the last activation in place of its output.

    It does so for a softmax or sigmoid in front of the cross entropy of logits, with a warning.
    """
    twice = {"cross_entropy": "softmax", "binary_cross_entropy_with_logits": "sigmoid"}
    return op is not None and twice.get(contract.function) == op


def best_constant(contract: Contract, output: Array, target: Array) -> Array | None:
    """The best prediction that is the same for every sample, in the units of the output; None without closed form."""
    task = task_of(contract, output, target)
    if task == "classes":
        labels = labels_of(contract, output, target)
        if labels is None or labels.min() < 0 or labels.max() >= output.shape[-1]:
            return None
        shares = np.bincount(labels, minlength=output.shape[-1]) / len(labels)
        row = shares if contract.probabilities else np.log(np.clip(shares, 1e-12, 1))
        return np.broadcast_to(row, output.shape)
    if target.size != output.size or task is None:
        return None
    columns = target.reshape(output.shape).astype(np.float64)
    if task in ("binary", "multilabel"):
        shares = np.clip(columns.mean(0, keepdims=True), 1e-6, 1 - 1e-6)
        row = shares if contract.probabilities else np.log(shares / (1 - shares))
    elif contract.function == "mse_loss":
        row = columns.mean(0, keepdims=True)
    elif contract.function == "l1_loss":
        row = np.median(columns, axis=0, keepdims=True)
    else:
        return None
    return np.broadcast_to(row, output.shape)
