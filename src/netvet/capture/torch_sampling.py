"""Evenly spread elements of many tensors in one matrix, so that a few operations measure all of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt
import torch

Numbers = npt.NDArray[np.float64]
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


def limit_of(rows: int) -> int:
    """How many elements of a tensor are sampled, where there are so many tensors."""
    return min(SAMPLED, max(MIN_COLUMNS, MAX_ELEMENTS // max(rows, 1)))


class SampleMatrix:
    """One row of sampled elements for each of several tensors.

    Args:
        rows: how many tensors it can hold.
        like: a tensor of the device; the numbers are float64 where it is, else float32.
        widest: elements of the largest tensor.
        limit: elements that a row has at most, instead of as many as keep the matrix small.

    Attributes:
        rows: how many there are.
    """

    def __init__(self, rows: int, like: torch.Tensor, widest: int, limit: int | None = None) -> None:
        self.limit = limit or limit_of(rows)
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        self._data = torch.zeros((rows, min(self.limit, widest)), dtype=dtype, device=like.device)
        self._mask = torch.zeros_like(self._data)
        self.rows = rows
        # Of a row and a shape: the place, and how many elements it has.
        self._views: dict[tuple[int, torch.Size], tuple[torch.Tensor, int]] = {}
        self._filled: dict[int, int] = {}
        # By number of rows: the first ones of the data, their first elements (twice, as column and row), their mask.
        self._tops: dict[int, tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]] = {}
        # By first and last: rows of the data.
        self._parts: dict[tuple[int, int], torch.Tensor] = {}

    def empty_like(self) -> SampleMatrix:
        """Another matrix of this size."""
        return SampleMatrix(len(self._data), self._data, self._data.shape[1], self.limit)

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

    def rows_like(self, few: list[torch.Tensor], begin: int = 0) -> list[torch.Tensor]:
        """Rows from the given one on, for elements that `spread` has picked."""
        return [self.row(i, f.shape) for i, f in enumerate(few, begin)]

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

    def copied(self, rows: list[int]) -> tuple[torch.Tensor, list[int]]:
        """A copy of some rows, with anything after their last elements, and how many elements each has."""
        first = rows == list(range(len(rows)))
        counts = [self._filled[row] for row in rows]
        return self._data[: len(rows)].clone() if first else self._data[rows], counts

    def grown(self) -> SampleMatrix:
        """A matrix of twice as many rows, with what is in this one."""
        other = SampleMatrix(2 * self.rows, self._data, 1)
        other.limit, other._filled = self.limit, dict(self._filled)
        other._data, other._mask = (torch.cat([t, torch.zeros_like(t)]) for t in (self._data, self._mask))
        return other

    def _part(self, begin: int, end: int) -> torch.Tensor:
        found = self._parts.get((begin, end))
        if found is None:
            found = self._parts[begin, end] = self._data[begin:end]
        return found

    def norms(self, begin: int, end: int) -> torch.Tensor:
        """L2 norms of some rows."""
        found: torch.Tensor = torch.linalg.vector_norm(self._part(begin, end), dim=1)
        return found

    def distances(self, other: SampleMatrix, begin: int, end: int) -> torch.Tensor:
        """L2 norms of the differences of some rows to those of another matrix."""
        found: torch.Tensor = torch.linalg.vector_norm(self._part(begin, end) - other._part(begin, end), dim=1)
        return found

    def products(self, other: SampleMatrix, begin: int, end: int) -> torch.Tensor:
        """Dot products of some rows with those of another matrix."""
        # Not `vecdot`: where a program steps under autocast, that computes in half precision.
        found: torch.Tensor = (self._part(begin, end) * other._part(begin, end)).sum(1)
        return found


def moments(counts: Sequence[int], numbers: Numbers) -> tuple[Numbers, Numbers]:
    """Means and standard deviations (of a population) of rows [steps, rows].

    Args:
        counts: elements of each row.
        numbers: what `sums` gave at each of several steps [steps, 3 rows].
    """
    sizes = np.array(counts, np.float64)
    first, total, norm = np.split(numbers, 3, axis=1)
    with np.errstate(all="ignore"):  # of values that are not finite
        mean = total / sizes
        return first + mean, np.sqrt(np.maximum(norm * norm / sizes - mean * mean, 0.0))
