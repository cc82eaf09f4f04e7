"""The batches that experiments draw from: kept tensors, by name, with what is known of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch

from netvet.capture.fingerprints import Prints
from netvet.capture.torch_fingerprints import fingerprints
from netvet.core import NetvetError

# A batch: tensors by name. What the names mean is the business of whoever made it.
Batch = dict[str, torch.Tensor]
Rows = Sequence[int] | torch.Tensor


@dataclass(frozen=True)
class Roles:
    """What the tensors of a batch are.

    Args:
        inputs: names of those that enter the model; `targets`: of those that the loss compares with.
        shared: names of those that are the same for every batch (class weights, a mask): they have no samples.
    """

    inputs: tuple[str, ...]
    targets: tuple[str, ...]
    shared: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """Batches of one split, kept in memory.

    Args:
        batches: in the order in which the program took them.
        roles: what their tensors are.
        fixed_size: the step takes only batches of exactly this form: no other can be put together.
    """

    batches: tuple[Batch, ...]
    roles: Roles
    fixed_size: bool = False

    def __post_init__(self) -> None:
        if not self.batches:
            raise NetvetError("the loader is empty: experiments need at least one batch")

    @property
    def batch_size(self) -> int | None:
        """Samples of an ordinary batch; None where the batches have no common axis of samples."""
        return _samples(self.batches[0], self.roles)

    @property
    def size(self) -> int | None:
        """Samples of all batches; None where other batches cannot be put together from them."""
        sizes = [_samples(batch, self.roles) for batch in self.batches]
        return sum(s for s in sizes if s is not None) if self._poolable(sizes) else None

    def _poolable(self, sizes: Sequence[int | None]) -> bool:
        if self.fixed_size or None in sizes:
            return False
        forms = {tuple((n, t.shape[1:], t.dtype) for n, t in sorted(self._own(b).items())) for b in self.batches}
        return len(forms) == 1

    def _own(self, batch: Batch) -> Batch:
        return {name: tensor for name, tensor in batch.items() if name not in self.roles.shared}

    def pooled(self) -> Batch:
        """All samples as one batch.

        Raises:
            NetvetError: they do not fit together.
        """
        if self.size is None:
            raise NetvetError("the batches have different shapes: single samples cannot be drawn from them")
        if len(self.batches) == 1:
            return self.batches[0]
        first = self.batches[0]
        own = {name: torch.cat([batch[name] for batch in self.batches]) for name in self._own(first)}
        return {**first, **own}

    def samples(self, rows: Rows) -> Batch:
        """Some samples as one batch, by their numbers in the order of the batches."""
        index = torch.as_tensor(rows, dtype=torch.long)
        pool = self.pooled()
        return {n: t if n in self.roles.shared else t[index.to(t.device)] for n, t in pool.items()}

    def part(self, rows: Rows) -> Data:
        """Some samples as data of their own, in batches of the ordinary size."""
        index = torch.as_tensor(rows, dtype=torch.long)
        pool, size = Data((self.pooled(),), self.roles), self.batch_size or len(index)
        return replace(self, batches=tuple(pool.samples(some) for some in torch.split(index, size)))

    def mapped(self, function: Callable[[str, torch.Tensor], torch.Tensor], names: Sequence[str]) -> Data:
        """The same data with some tensors changed; `function` gets name and tensor."""
        changed = [{n: function(n, t) if n in names else t for n, t in batch.items()} for batch in self.batches]
        return replace(self, batches=tuple(changed))

    def distinct(self) -> Data:
        """Each sample once (each batch, where samples cannot be drawn): what later epochs repeat is left out."""
        found = self.prints()
        if self.size is None:
            return replace(self, batches=tuple(self.batches[i] for i in _first_of([one[0] for one in found])))
        rows = _first_of(np.concatenate(found))
        return self if len(rows) == sum(map(len, found)) else self.part(rows)

    def prints(self) -> list[Prints]:
        """Fingerprints of the samples of each batch (of each batch as one, where samples cannot be drawn)."""
        whole = self.size is None
        own = [list(self._own(batch).values()) for batch in self.batches]
        return [fingerprints([t.reshape(1 if whole else len(t), -1) for t in tensors]) for tensors in own]

    def stream(self, seed: int, batch_size: int | None = None) -> Iterator[Batch]:
        """Batches without end: epoch after epoch in a new order, the same for the same seed.

        Args:
            batch_size: other than the ordinary one (needs `size`).

        A last batch that is smaller than the others is left out, unless it is the only one.
        """
        generator = torch.Generator().manual_seed(seed)
        size = self.size
        if size is None:
            while True:
                for number in torch.randperm(len(self.batches), generator=generator).tolist():
                    yield self.batches[number]
        pool = Data((self.pooled(),), self.roles)
        wanted = min(batch_size or self.batch_size or size, size)
        while True:
            for rows in torch.split(torch.randperm(size, generator=generator), wanted):
                if len(rows) == wanted:
                    yield pool.samples(rows)

    def split(self, share: float, seed: int = 0) -> tuple[Data, Data]:
        """Two parts, the second with this share of the samples (of the batches, where samples cannot be drawn)."""
        size = self.size
        order = torch.randperm(size or len(self.batches), generator=torch.Generator().manual_seed(seed)).tolist()
        held = max(1, round(share * len(order)))
        if len(order) < 2:
            raise NetvetError("of a single batch no part can be held out; give validation data: val=...")
        if size is not None:
            return self.part(order[held:]), self.part(order[:held])
        first, second = ([self.batches[i] for i in some] for some in (order[held:], order[:held]))
        return replace(self, batches=tuple(first)), replace(self, batches=tuple(second))


def _first_of(prints: Sequence[int] | npt.NDArray[np.int64]) -> list[int]:
    """Where each number stands first."""
    _, first = np.unique(np.asarray(prints), return_index=True)
    return sorted(int(i) for i in first)


def _samples(batch: Mapping[str, torch.Tensor], roles: Roles) -> int | None:
    """Length of the first axis that all inputs and targets share."""
    own = [tensor for name, tensor in batch.items() if name not in roles.shared]
    lengths = {t.shape[0] if t.dim() else None for t in own}
    return lengths.pop() if len(lengths) == 1 else None
