"""The batches of `fit` as tensors of PyTorch: pictures with their channels first, one-hot targets as classes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from netvet.capture.keras_backends import Array
from netvet.capture.keras_contract import CLASSIFYING, Contract, is_one_hot, which_output
from netvet.capture.keras_setup import KeptBatch, Part, Path
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Roles
from netvet.experiments.keras_net import Parts

# Sides of what is taken for a picture at least, and its channels.
LEAST_SIDE, CHANNELS = 4, (1, 3, 4)
X, Y, WEIGHTS = "x", "y", "sample_weight"


@dataclass
class Reading:
    """How kept batches become tensors, as the first of them has it.

    Args:
        first: the first training batch; `names`: of the inputs, where the model has some for them.
        contracts: the losses that the model was compiled with; `paths`: of its outputs in their structure.
    """

    first: KeptBatch
    names: Sequence[str]
    contracts: Sequence[Contract]
    paths: Sequence[Path]
    others: int = 0
    one_hot: dict[str, int] = field(default_factory=dict)

    def read(self, batches: Sequence[KeptBatch]) -> tuple[Batch, ...]:
        """Those that are put together as the first one is."""
        return tuple(found for batch in batches if (found := self._batch(batch)) is not None)

    def look(self, batches: Sequence[KeptBatch]) -> None:
        """See which targets are one-hot in all batches."""
        for name, contract in self._of_targets().items():
            path = dict(self._named(self.first.y, Y))[name]
            arrays = [b.y.arrays.get(path) for b in batches]
            if contract is None or contract.sparse or contract.function not in CLASSIFYING:
                continue
            if all(a is not None and is_one_hot(a) for a in arrays):
                self.one_hot[name] = self.first.y.arrays[path].shape[-1]

    def parts(self) -> Parts:
        """How a batch is put together again."""
        x, y, weights = (
            [n for n, _ in self._named(part, kind)]
            for part, kind in ((self.first.x, X), (self.first.y, Y), (self.first.weights, WEIGHTS))
        )
        forms = (self.first.x.form, self.first.y.form, self.first.weights.form)
        pictures = tuple(is_picture(a) for a in self.first.x.arrays.values())
        return Parts(tuple(x), tuple(y), tuple(weights), forms, pictures, dict(self.one_hot), self._scored())

    def roles(self) -> Roles:
        """What the tensors are; the target that is scored comes first."""
        inputs = tuple(n for n, _ in self._named(self.first.x, X))
        scored = list(self._of_targets().items())
        scored.sort(key=lambda pair: pair[1].place if pair[1] is not None else len(scored))
        return Roles(inputs, tuple(n for n, _ in scored))

    def _scored(self) -> int | None:
        of_targets = self._of_targets()
        first = next((c for n, c in of_targets.items() if n == next(iter(self.roles().targets), None)), None)
        if first is not None:
            return which_output(first, self.paths) if self.paths else 0
        return 0 if len(of_targets) == 1 and len(self.paths) <= 1 else None

    def _of_targets(self) -> dict[str, Contract | None]:
        """The loss that each target enters, by the name of the target."""
        found: dict[str, Contract | None] = {}
        named = list(self._named(self.first.y, Y))
        for name, path in named:
            own = [c for c in self.contracts if path in (c.path, (c.output,), (str(c.place),))]
            sole = list(self.contracts) if len(named) == len(self.contracts) == 1 else []
            found[name] = next(iter(own or sole), None)
        return found

    def _named(self, part: Part, kind: str) -> Iterator[tuple[str, Path]]:
        for number, path in enumerate(part.arrays):
            own = ".".join(path)
            if kind == X and len(self.names) == len(part.arrays) > 1:
                yield str(self.names[number]), path
            elif kind == X and own and not own.isdigit():
                yield own, path
            else:
                yield f"{kind}.{own}" if own else kind, path

    def _batch(self, batch: KeptBatch) -> Batch | None:
        made: Batch = {}
        contracts = self._of_targets()
        kinds = ((self.first.x, batch.x, X), (self.first.y, batch.y, Y), (self.first.weights, batch.weights, WEIGHTS))
        for first, part, kind in kinds:
            for name, path in self._named(first, kind):
                array = part.arrays.get(path)
                if array is None and kind == WEIGHTS:  # validation data are not weighted by class
                    array = np.ones(len(next(iter(batch.x.arrays.values()))), dtype=np.float32)
                if array is None or array.ndim != first.arrays[path].ndim:
                    self.others += 1
                    return None
                made[name] = self._tensor(name, array, kind, contracts.get(name))
        return made

    def _tensor(self, name: str, array: Array, kind: str, contract: Contract | None) -> torch.Tensor:
        if array.dtype.kind not in "fiub":
            raise NetvetError(
                f"{name} is text ({array.dtype}): PyTorch, where trials train, has no such tensors; turn it into "
                "numbers before `fit` (a TextVectorization or StringLookup in front of the data set, not in the model)"
            )
        if kind == X and is_picture(array):
            return torch.from_numpy(np.ascontiguousarray(np.moveaxis(array, -1, 1), dtype=np.float32))
        if name in self.one_hot:
            return torch.from_numpy(np.ascontiguousarray(array.argmax(-1), dtype=np.int64))
        if kind == Y and contract is not None:  # Keras compares numbers, and looks classes up
            return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64 if contract.sparse else np.float32))
        plain = {"f": np.float32, "i": np.int64, "u": np.int64, "b": np.bool_}[array.dtype.kind]
        return torch.from_numpy(np.ascontiguousarray(array, dtype=plain))


def is_picture(array: Array) -> bool:
    """Whether these are pictures [N, H, W, C] with few channels, as Keras has them."""
    return array.ndim == 4 and array.shape[-1] in CHANNELS and min(array.shape[1:3]) >= LEAST_SIDE
