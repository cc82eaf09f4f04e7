"""Evenly spread elements of many tensors in one matrix, so that a few operations measure all of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import ParamSpec, TypeVar

import torch

P = ParamSpec("P")
T = TypeVar("T")

# Of a larger tensor so many elements stand for all: a standard deviation is then off by about 2 %.
SAMPLED = 4096
# They are taken in runs of neighbours: single ones would each cost a line of the processor's cache.
RUN = 8
# All rows of a matrix together: 16 MB of float32.
MAX_ELEMENTS = 1 << 22
MIN_COLUMNS = 256
LOW = (torch.float16, torch.bfloat16)


def without_gradients(function: Callable[P, T]) -> Callable[P, T]:
    """What `torch.no_grad` does as a decorator, which takes as long as some of what is measured at every step."""
    turn = torch._C._set_grad_enabled

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        before = torch.is_grad_enabled()
        turn(False)
        try:
            return function(*args, **kwargs)
        finally:
            turn(before)

    return call


@lru_cache(maxsize=4096)
def stride_of(shape: Sequence[int], limit: int, run: int = 1) -> int:
    """A stride that picks at most `limit` elements, in runs of neighbours, and visits all rows and columns alike.

    A stride that shares a factor with the length of an axis would see only some of its positions.
    """
    total = math.prod(shape)
    stride = max(1, math.ceil((total - run + 1) / (limit // run)))
    while stride > 1 and any(math.gcd(stride, size) > 1 for size in shape if size > 1):
        stride += 1
    return stride


def spread(tensor: torch.Tensor, limit: int = SAMPLED) -> torch.Tensor:
    """At most `limit` elements of a real tensor: all, or runs of neighbours at equal distances; a view where possible.

    Returns:
        A small contiguous tensor as it is; else one of one axis, or of two: runs, and neighbours in a run.
    """
    total = tensor.numel()
    contiguous = tensor.is_contiguous()
    if contiguous and total <= limit:
        return tensor
    # Of a dense tensor the order in memory does, whatever its axes are.
    dense = contiguous or _is_dense(tensor.shape, tensor.stride())
    if total <= limit:
        return tensor.as_strided((total,), (1,), tensor.storage_offset()) if dense else tensor.reshape(-1)
    stride = stride_of(tensor.shape, limit, RUN)
    flat = tensor if dense else tensor.reshape(-1)
    return flat.as_strided(((total - RUN) // stride + 1, RUN), (stride, 1), flat.storage_offset())


@lru_cache(maxsize=4096)
def _is_dense(shape: Sequence[int], strides: Sequence[int]) -> bool:
    """Whether a tensor fills its part of memory, each element once, in whatever order of its axes."""
    expected = 1
    for stride, size in sorted((stride, size) for stride, size in zip(strides, shape, strict=True) if size != 1):
        if stride != expected:
            return False
        expected *= size
    return True


class SampleMatrix:
    """One row of sampled elements for each of several tensors.

    Args:
        rows: how many tensors it can hold.
        like: a tensor of the device; the numbers are float64 where it is, else float32.
        widest: elements of the largest tensor.

    Attributes:
        rows: how many there are; `limit`: elements that a row has at most.
    """

    def __init__(self, rows: int, like: torch.Tensor, widest: int) -> None:
        self.limit = min(SAMPLED, max(MIN_COLUMNS, MAX_ELEMENTS // max(rows, 1)))
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        self._data = torch.zeros((rows, min(self.limit, widest)), dtype=dtype, device=like.device)
        self._mask = torch.zeros_like(self._data)
        self.rows = rows
        # Of a row and a shape: the place, and how many elements it has.
        self._views: dict[tuple[int, torch.Size], tuple[torch.Tensor, int]] = {}
        self._filled: dict[int, int] = {}
        # By number of rows: the first ones of the data, their first elements (twice, as column and row), their mask.
        self._tops: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]] = {}

    def empty_like(self) -> SampleMatrix:
        """Another matrix of this size."""
        return SampleMatrix(len(self._data), self._data, self._data.shape[1])

    def row(self, index: int, shape: torch.Size) -> torch.Tensor:
        """The place for the elements of one tensor, in the shape that `spread` gives."""
        known = self._views.get((index, shape))
        if known is not None and self._filled[index] == known[1]:
            return known[0]
        count = shape.numel()
        view = self._data[index, :count].view(shape)
        self._views[index, shape] = view, count
        if self._filled.get(index) != count:  # the row is new, or had another shape in between
            self._filled[index] = count
            self._data[index] = 0
            self._mask[index] = 0
            self._mask[index, :count] = 1
        return view

    def put(self, index: int, tensor: torch.Tensor) -> None:
        """Copy the sampled elements of one tensor."""
        few = spread(tensor, self.limit)
        self.row(index, few.shape).copy_(few)

    def put_all(self, tensors: Sequence[torch.Tensor]) -> None:
        """Copy the sampled elements of tensors into the first rows, in one operation."""
        self.put_spread([spread(t, self.limit) for t in tensors])

    def put_spread(self, few: list[torch.Tensor]) -> None:
        """The same, of elements that `spread` has picked already."""
        torch._foreach_copy_(self.rows_like(few), few)

    def rows_like(self, few: list[torch.Tensor]) -> list[torch.Tensor]:
        """The first rows, for elements that `spread` has picked."""
        return [self.row(i, f.shape) for i, f in enumerate(few)]

    def sums(self, rows: int) -> list[torch.Tensor]:
        """What `moments` needs of the first rows, one after the other: first elements, sums and norms of the rest.

        All are of differences to the first element: where a mean is large beside the spread, nothing is lost.
        """
        data, column, first, mask = self._top(rows)
        apart = torch.addcmul(data, mask, column, value=-1)
        return [first.clone(), apart.sum(1), torch.linalg.vector_norm(apart, dim=1)]  # rows may be filled again soon

    def _top(self, rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        found = self._tops.get(rows)
        if found is None:
            data = self._data[:rows]
            found = self._tops[rows] = data, data[:, :1], data[:, 0], self._mask[:rows]
        return found

    def counts(self, rows: int) -> list[int]:
        """How many elements the first rows have now."""
        return [self._filled[index] for index in range(rows)]

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self._data.device

    def copied(self, rows: list[int]) -> torch.Tensor:
        """A copy of some rows, with zeros after their last elements."""
        first = rows == list(range(len(rows)))
        return self._data[: len(rows)].clone() if first else self._data[rows]

    def grown(self) -> SampleMatrix:
        """A matrix of twice as many rows, with what is in this one."""
        other = SampleMatrix(2 * self.rows, self._data, 1)
        other.limit, other._filled = self.limit, dict(self._filled)
        other._data, other._mask = (torch.cat([t, torch.zeros_like(t)]) for t in (self._data, self._mask))
        return other

    def norms(self, rows: int) -> torch.Tensor:
        """L2 norms of the first rows."""
        found: torch.Tensor = torch.linalg.vector_norm(self._top(rows)[0], dim=1)
        return found

    def distances(self, other: SampleMatrix, rows: int) -> torch.Tensor:
        """L2 norms of the differences of the first rows to those of another matrix."""
        found: torch.Tensor = torch.linalg.vector_norm(self._top(rows)[0] - other._top(rows)[0], dim=1)
        return found

    def products(self, other: SampleMatrix, rows: int) -> torch.Tensor:
        """Dot products of the first rows with those of another matrix."""
        # Not `vecdot`: where a program steps under autocast, that computes in half precision.
        found: torch.Tensor = (self._top(rows)[0] * other._top(rows)[0]).sum(1)
        return found


def moments(counts: Sequence[int], numbers: Sequence[float]) -> tuple[list[float], list[float]]:
    """Means and standard deviations (of a population) of rows, from their `counts` and `sums` at one time."""
    rows = len(counts)
    means, deviations = [], []
    for index, count in enumerate(counts):
        first, total, norm = numbers[index], numbers[rows + index], numbers[2 * rows + index]
        mean = total / count
        means.append(first + mean)
        deviations.append(math.sqrt(max(norm * norm / count - mean * mean, 0.0)))
    return means, deviations
