"""What experiments need of a Keras training, beside its first weights: batches, learning rates, what is frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from netvet.capture.keras_backends import Array
from netvet.capture.keras_forward import leaves_of, paths_of

# Of each split so many bytes are kept, as of a training of PyTorch.
MAX_BYTES = 128 * 2**20

Split = Literal["train", "val", "scored"]
Path = tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """Inputs, targets or weights of a batch: the tensors of a structure, by their paths in it.

    Args:
        form: the structure itself, with whatever in the place of its tensors; None where there is none.
    """

    form: Any
    arrays: dict[Path, Array]


@dataclass(frozen=True)
class KeptBatch:
    """One batch as the step took it. Weights of classes are weights of samples by then."""

    x: Part
    y: Part
    weights: Part


@dataclass
class KerasSetup:
    """Batches of one model, in NumPy, free of the program's own objects.

    Attributes:
        splits: batches of `train`, of `val` within `fit`, and of evaluations by themselves (`scored`).
        rates: learning rate at each kept training batch.
        trainable: of each layer, the model first: whether it was to be trained when the training began.
    """

    array: Callable[[Any], Array]
    trainable: tuple[bool, ...]
    splits: dict[Split, list[KeptBatch]] = field(default_factory=lambda: {"train": [], "val": [], "scored": []})
    rates: list[float] = field(default_factory=list)
    _bytes: dict[Split, int] = field(default_factory=lambda: {"train": 0, "val": 0, "scored": 0})

    def takes(self, split: Split) -> bool:
        """There is room for further batches."""
        return self._bytes[split] < MAX_BYTES

    def keep(self, split: Split, batch: Any, rate: float | None = None) -> None:
        """Take in one batch: (x, y, weights), as Keras takes it apart."""
        if not self.takes(split):
            return
        parts = batch if isinstance(batch, (tuple, list)) else (batch,)
        x, y, weights = (self._part(part) for part in (*parts, None, None, None)[:3])
        kept = KeptBatch(x, y, weights)
        self._bytes[split] += sum(a.nbytes for part in (x, y, weights) for a in part.arrays.values())
        self.splits[split].append(kept)
        if split == "train" and rate is not None:
            self.rates.append(rate)

    def _part(self, values: Any) -> Part:
        arrays = [self.array(leaf) for leaf in leaves_of(values)]
        return Part(hollow(values), dict(zip(paths_of(values), arrays, strict=True)))


def hollow(values: Any) -> Any:
    """A structure with numbers in the place of its tensors, in the order of `leaves_of`."""
    return filled(values, range(len(leaves_of(values))))


def filled(form: Any, leaves: Sequence[Any]) -> Any:
    """A structure with other leaves."""
    return _filled(form, iter(leaves))


def _filled(form: Any, leaves: Iterator[Any]) -> Any:
    if isinstance(form, dict):
        return {key: _filled(value, leaves) for key, value in form.items()}
    if isinstance(form, (list, tuple)):
        inner = [_filled(value, leaves) for value in form]
        return inner if isinstance(form, list) else tuple(inner)
    return None if form is None else next(leaves)


def frozen_flags(model: Any) -> tuple[bool, ...]:
    """Of each layer, the model first: whether it is to be trained."""
    return tuple(bool(layer.trainable) for layer in model._flatten_layers(include_self=True))
