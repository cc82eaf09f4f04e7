"""Numbers about tensors: summaries, class axes, predictions that hit, and how much time may be spent on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from time import perf_counter
from types import TracebackType
from typing import Any, TypeGuard

import torch
from torch import nn

from netvet.capture.torch_events import LossCall

# Larger tensors are summarised by this many evenly spaced elements: 4 million take about 20 ms.
MAX_SUMMARISED = 4_000_000
# Different values are counted among this many evenly spaced elements, up to 1,000 (the contract of the signals).
MAX_COMPARED, MAX_DISTINCT = 100_000, 1_000
MAX_NESTED = 200

CLASS_LOSSES = ("cross_entropy", "nll_loss", "multi_margin_loss")
BINARY_LOSSES = (
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "soft_margin_loss", "multilabel_soft_margin_loss",
)  # fmt: skip
REGRESSION_LOSSES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "gaussian_nll_loss", "poisson_nll_loss")


def leaves(value: Any, depth: int = 0) -> Iterator[Any]:
    """The leaves of a nest of tuples, lists, dicts and plain objects (a distribution), in a fixed order."""
    if isinstance(value, Mapping):
        for part in value.values():
            yield from leaves(part, depth + 1)
    elif isinstance(value, (tuple, list)):
        for part in value:
            yield from leaves(part, depth + 1)
    elif depth < 4 and hasattr(value, "__dict__") and not isinstance(value, (torch.Tensor, nn.Module, type)):
        yield from leaves(vars(value), depth + 1)
    else:
        yield value


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors among the leaves."""
    return (leaf for leaf in leaves(value) if isinstance(leaf, torch.Tensor))


def predicted_numbers(event: LossCall) -> torch.Tensor | None:
    """The predictions of a regression in the units of its target; None for other losses."""
    if event.function not in REGRESSION_LOSSES:
        return None
    given = event.input.detach()
    return given.exp() if event.function == "poisson_nll_loss" and event.arguments.get("log_input", True) else given


def is_contrastive(function: str, given: torch.Tensor, target: torch.Tensor) -> bool:
    """The classes are the samples of the batch themselves (InfoNCE): the targets are places, and no data."""
    return (
        function in ("cross_entropy", "nll_loss")
        and given.dim() == 2
        and given.shape[0] == given.shape[1]
        and target.dim() == 1
        and bool((target.sort().values == torch.arange(len(target), device=target.device)).all())
    )


class Budget:
    """Holds work that is not needed at every step under a share of the run time.

    Args:
        share: of the wall time since the start.
        grace: seconds that may be spent in any case, so that short runs are seen well.
    """

    def __init__(self, share: float, grace: float) -> None:
        self._share, self._grace = share, grace
        self._began = perf_counter()
        self._entered = 0.0
        self.spent = 0.0

    @property
    def left(self) -> bool:
        """More may be spent."""
        return self.spent < max(self._grace, self._share * (perf_counter() - self._began))

    def __enter__(self) -> Budget:
        self._entered = perf_counter()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.spent += perf_counter() - self._entered


def is_plain(tensor: Any) -> TypeGuard[torch.Tensor]:
    """A tensor with values that can be read: not meta, not sparse, not quantised, no DTensor."""
    return (
        isinstance(tensor, torch.Tensor)
        and tensor.device.type != "meta"
        and tensor.layout is torch.strided
        and not tensor.is_quantized
        and not hasattr(tensor, "to_local")
    )


def numbers(tensor: torch.Tensor, limit: int = MAX_SUMMARISED) -> torch.Tensor:
    """The values as a flat float64 tensor without gradient; of large tensors evenly spaced ones."""
    flat = tensor.detach().reshape(-1)
    if flat.numel() > limit:
        flat = flat[:: math.ceil(flat.numel() / limit)]
    return flat.abs().double() if flat.is_complex() else flat.double()


def finite(value: float) -> float | None:
    """The number, None where it is not finite."""
    return value if math.isfinite(value) else None


def summary(tensor: torch.Tensor) -> dict[str, Any]:
    """`{shape, dtype, min, max, mean, std, nonfinite, integral, distinct}`; without numbers where there are none."""
    record: dict[str, Any] = {"shape": list(tensor.shape), "dtype": str(tensor.dtype).removeprefix("torch.")}
    if tensor.is_sparse:
        tensor = tensor.detach().coalesce().values()
    if not is_plain(tensor) or tensor.numel() == 0:
        return record
    values = numbers(tensor)
    good = torch.isfinite(values)
    record["nonfinite"] = int((~good).sum())
    if record["nonfinite"]:
        values = values[good]
    if values.numel() == 0:
        return record
    low, high = torch.aminmax(values)
    std, mean = torch.std_mean(values, correction=0)
    integral = (values == values.round()).all().double()
    record |= dict(
        zip(
            ("min", "max", "mean", "std", "integral"),
            torch.stack((low, high, mean, std, integral)).tolist(),
            strict=True,
        )
    )
    record["integral"] = bool(record["integral"])
    record["distinct"] = min(int(torch.unique(numbers(tensor, MAX_COMPARED)).numel()), MAX_DISTINCT)
    return record


def named_tensors(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """The tensors among the arguments of a call: `0`, `1`, `mask`, `0.input_ids`, ..."""
    found = 0
    stack: list[tuple[str, Any, int]] = [(str(i), a, 0) for i, a in enumerate(args)] + [
        (k, v, 0) for k, v in kwargs.items()
    ]
    stack.reverse()
    while stack and found < MAX_NESTED:
        name, value, depth = stack.pop()
        if isinstance(value, torch.Tensor):
            found += 1
            yield name, value
        elif depth < 4 and isinstance(value, (Mapping, tuple, list)):
            items = list(value.items()) if isinstance(value, Mapping) else list(enumerate(value))
            stack.extend((f"{name}.{key}", item, depth + 1) for key, item in reversed(items[:MAX_NESTED]))


def class_axis(event: LossCall) -> int | None:
    """The axis of the classes of the first argument of a classification loss."""
    if event.function in ("cross_entropy", "nll_loss"):
        return 1 if event.input.dim() > 1 else 0
    if event.function == "multi_margin_loss":
        return event.input.dim() - 1
    if event.function in BINARY_LOSSES or event.function == "kl_div":
        return event.input.dim() - 1 if event.input.dim() > 1 else None
    return None


def outputs(event: LossCall) -> int | None:
    """Number of outputs along the class axis; None for losses without classes."""
    axis = class_axis(event)
    if axis is not None:
        return int(event.input.shape[axis]) if event.input.dim() else None
    return 1 if event.function in BINARY_LOSSES else None


def hits(event: LossCall) -> tuple[torch.Tensor, Any] | None:
    """Samples whose arg-max (or sign, for one output) is the target, and how many were compared.

    None where the loss has no classes, or its arguments do not fit together.
    """
    scores, target = event.input.detach(), event.target.detach()
    if not is_plain(scores) or not is_plain(target) or scores.numel() == 0:
        return None
    if event.function in CLASS_LOSSES:
        return _class_hits(event, scores, target)
    if event.function in ("binary_cross_entropy", "binary_cross_entropy_with_logits") and (outputs(event) or 0) == 1:
        if scores.numel() != target.numel() or scores.shape != target.shape:
            return None
        middle = 0.5 if event.function == "binary_cross_entropy" else 0.0
        return ((scores > middle) == (target > 0.5)).sum(), target.numel()
    return None


def _class_hits(event: LossCall, scores: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, Any] | None:
    axis = class_axis(event)
    if axis is None or scores.dim() == 0 or target.is_floating_point() or scores.shape[axis] < 2:
        return None
    predicted = scores.argmax(axis)
    if predicted.shape != target.shape:
        return None
    right = predicted == target
    ignored = event.arguments.get("ignore_index")
    if ignored is None:
        return right.sum(), target.numel()
    wanted = target != ignored
    if target.device.type != "cpu":
        return (right & wanted).sum(), wanted.sum()  # read at the end, so that no batch waits for the count
    count = int(wanted.sum())
    return ((right & wanted).sum(), count) if count else None


def labels(event: LossCall) -> torch.Tensor | None:
    """The classes that the targets of a loss call name, flat and without the ignored ones; None where it has none."""
    target = event.target.detach()
    if not is_plain(target) or target.numel() == 0:
        return None
    if event.function in CLASS_LOSSES and not target.is_floating_point() and not target.is_complex():
        flat = target.reshape(-1)
        ignored = event.arguments.get("ignore_index")
        return flat if ignored is None else flat[flat != ignored]
    if event.function in ("binary_cross_entropy", "binary_cross_entropy_with_logits") and (outputs(event) or 0) == 1:
        flat = target.reshape(-1)
        return flat.long() if bool(((flat == 0) | (flat == 1)).all()) else None
    return None


def predictions(event: LossCall) -> torch.Tensor | None:
    """The predicted classes, flat, for losses with classes."""
    scores = event.input.detach()
    if not is_plain(scores) or scores.numel() == 0:
        return None
    axis = class_axis(event)
    if event.function in CLASS_LOSSES and axis is not None and scores.dim() and scores.shape[axis] > 1:
        return scores.argmax(axis).reshape(-1)
    if event.function in ("binary_cross_entropy", "binary_cross_entropy_with_logits") and (outputs(event) or 0) == 1:
        return (scores.reshape(-1) > (0.5 if event.function == "binary_cross_entropy" else 0.0)).long()
    return None


def class_probabilities(scores: torch.Tensor) -> torch.Tensor:
    """Probabilities [samples, classes] by what a loss was given: logits, logarithms of probabilities, or these."""
    sums = scores.sum(1)
    given = bool((scores >= 0).all()) and bool(torch.isclose(sums, torch.ones_like(sums), atol=1e-4).all())
    return scores if given else scores.softmax(1)
