"""The parameters that one optimizer holds on one device, measured together in a few operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.parameter import is_lazy

from netvet.capture.torch_sampling import LOW, SAMPLED, Numbers, SampleMatrix, limit_of, moments, spread

# Of models with more parameter tensors than this, the first are looked at.
MAX_TENSORS = 2_000


_PLAIN = (torch.Tensor, torch.nn.Parameter)


class Held(NamedTuple):
    """A parameter with its number in the optimizer."""

    number: int
    parameter: torch.Tensor


def readable(tensor: torch.Tensor) -> torch.Tensor | None:
    """The plain values held by this process; None where there are none to read. To be called without gradients."""
    if type(tensor) not in _PLAIN:
        if is_lazy(tensor):
            return None
        tensor = tensor.detach()
        if hasattr(tensor, "to_local"):
            tensor = tensor.to_local()
    if tensor.is_sparse:
        tensor = tensor.detach().coalesce().values()
    if tensor.layout is not torch.strided or tensor.device.type == "meta" or tensor.numel() == 0:
        return None
    return tensor if tensor.is_floating_point() or tensor.is_complex() else None


def norms_of(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """L2 norms of all elements of each tensor; half precision is summed in float32."""
    low = [t.dtype in LOW for t in tensors]
    if not any(low) or all(low):
        norms = torch._foreach_norm(list(tensors), 2, torch.float32 if all(low) else None)
    else:
        norms = tuple(
            torch.linalg.vector_norm(t, dtype=torch.float32 if is_low else None)
            for t, is_low in zip(tensors, low, strict=True)
        )
    if any(n.dtype != norms[0].dtype for n in norms):
        norms = tuple(n.double() for n in norms)
    return torch.stack(list(norms))


def _real(tensor: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(tensor.resolve_conj()) if tensor.is_complex() else tensor


def _storage(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _comparable(gradient: torch.Tensor) -> torch.Tensor | None:
    """A gradient whose elements have the same places at each step."""
    if type(gradient) is torch.Tensor and gradient.layout is torch.strided:
        return gradient
    if not gradient.is_sparse:
        return readable(gradient)
    width = gradient.shape[gradient.sparse_dim() :].numel()
    if gradient.shape[0] * width > SAMPLED or gradient.sparse_dim() != 1:
        return None  # which rows are touched changes from step to step
    return readable(gradient.detach().to_dense())


Found = list[tuple[int, torch.Tensor]]
Kind = tuple[str, list[int] | None]


class Table(NamedTuple):
    """Numbers of parameters at several steps, and which of them there are [steps, parameters]."""

    values: Numbers
    known: npt.NDArray[np.bool_]


class ParameterRows:
    """Weights before and after a step, and gradients of two successive steps, as rows of matrices.

    Args:
        held: parameters of one device that are readable.

    Attributes:
        names: of the parameters that are in a called model; `shown`: names for all.
        stands: for how many elements of a parameter a sampled one stands [parameters].
        at: step of the optimizer whose gradients are kept for comparison with the next; negative: none are.
    """

    def __init__(self, held: list[Held]) -> None:
        self.held = held
        self.names: list[str | None] = []
        self.shown: tuple[str, ...] = ()
        self.at = -2
        self._parameters = [one.parameter for one in held]
        values = self._values()
        # All are read as they are: where they lie in memory is all that can change.
        self._plain = all(v is p for v, p in zip(values, self._parameters, strict=True))
        self._forms = [(v.shape, v.dtype, v.device) for v in values]
        sizes = [_real(v).numel() for v in values]
        like = next((v for v in values if v.dtype in (torch.float64, torch.complex128)), values[0])
        self._limit = limit_of(len(held))
        self.stands = np.maximum(1.0, np.array(sizes) / self._limit)
        # Rows of weights, then rows of gradients: of this step, and of the last one or the weights after this one.
        self._now = SampleMatrix(2 * len(held), _real(like), max(sizes), self._limit)
        self._other = self._now.empty_like()
        # Sampled elements of weights, as views; they hold as long as a weight stays where it is.
        self._pointers: list[int] = []
        self._found = values
        self._views: list[torch.Tensor] = []
        self._places: dict[int, list[torch.Tensor]] = {}
        self._complex = [row for row, v in enumerate(values) if v.is_complex()]
        self._large = [i for i, size in enumerate(sizes) if size > self._limit]
        # Sampled elements of each weight.
        self._counts: list[int] = []
        # Of these weights, which have gaps in memory, the elements must be copied each time.
        self._copied: list[int] = []
        self._graded: list[int] = []
        # Norms of the sampled gradients that were compared last.
        self._norms: torch.Tensor | None = None
        self._vectors: list[torch.Tensor] = []
        self._kinds: list[Kind] = []
        self._deep = False
        self.hold()

    def _values(self) -> list[torch.Tensor]:
        return [v for p in self._parameters if (v := readable(p)) is not None]

    def hold(self) -> bool:
        """Whether the parameters can still be measured by these rows: none has another shape, type or device now.

        Looks where they are in memory now.
        """
        if self._plain and [p.data_ptr() for p in self._parameters] == self._pointers:
            return True
        self._found = values = self._values()
        pointers = [v.data_ptr() for v in values]
        if pointers != self._pointers:
            if [(v.shape, v.dtype, v.device) for v in values] != self._forms:
                return False
            self._pointers, self._views = pointers, [spread(_real(v), self._limit) for v in values]
            self._counts = [few.numel() for few in self._views]
            self._places.clear()
            pairs = enumerate(zip(self._views, values, strict=True))
            self._copied = [i for i, (few, v) in pairs if _storage(few) != _storage(v)]
        return True

    def _weights(self, matrix: SampleMatrix) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
        """Places of the weights in a matrix, and what is to be put there; they hold."""
        for row in self._copied:
            self._views[row] = spread(_real(self._found[row]), self._limit)
        places = self._places.get(id(matrix))  # shapes of weights do not change
        if places is None:
            places = self._places[id(matrix)] = matrix.rows_like(self._views)
        return places, self._views

    def begin(self, count: int, *, deep: bool) -> None:
        """Measure weights and gradients before a step, and gradients beside those of the last step.

        The parameters must hold.

        Args:
            count: steps that the optimizer has completed.
            deep: measure; else only compare gradients with those of the last step.
        """
        self._vectors, self._kinds, self._deep = [], [], deep
        found = [(i, p.grad) for i, p in enumerate(self._parameters) if p.grad is not None]
        graded, gradients = _split(found, _comparable)
        adjacent = self.at == count - 1 and self._graded == graded
        self.at, self._graded = count if deep else -2, graded
        self._now, self._other = self._other, self._now
        self._copy([spread(_real(g), self._limit) for g in gradients], deep=deep)
        if deep:
            self._note("sums", None, *self._now.sums(len(self.held)))
            self._note_complex(self._found)
        self._compare(graded, deep=deep, adjacent=adjacent)
        if deep:
            self._whole(found, set(graded))

    def _copy(self, gradients: list[torch.Tensor], *, deep: bool) -> None:
        """Copy sampled elements into this step's rows."""
        places = self._now.rows_like(gradients, len(self.held))
        if deep:
            weights, views = self._weights(self._now)
            places, gradients = weights + places, views + gradients
        if places:
            torch._foreach_copy_(places, gradients)

    def _compare(self, graded: list[int], *, deep: bool, adjacent: bool) -> None:
        """Norms of weights and gradients; the cosine of two gradients does not depend on the factor in them."""
        first = len(self.held)
        end = first + len(graded)
        before = self._norms
        if deep:
            norms = self._now.norms(0, end)
            self._note("param_norm", None, norms)
            self._kinds.append(("now", graded))  # it has both
            self._norms = norms[first:]
        elif graded:
            self._norms = self._now.norms(first, end)
            self._note("now", graded, self._norms)
        if graded and adjacent and before is not None:
            self._note("before", graded, before)
            self._note("dot", graded, self._now.products(self._other, first, end))

    def _whole(self, found: Found, compared: set[int]) -> None:
        """A row that holds the whole tensor tells its norm; of the others all elements are read."""
        rows, gradients = _split([(i, g) for i, g in found if i in self._large or i not in compared], readable)
        whole = [self._found[i] for i in self._large]
        if whole or gradients:
            self._kinds += [("whole_norm", self._large), ("whole_grad_norm", rows)]
            self._vectors.append(norms_of([*whole, *gradients]))

    def _note_complex(self, values: list[torch.Tensor]) -> None:
        """The variance of complex numbers is that of their real and of their imaginary parts together."""
        rows = self._complex
        if rows:
            few = [torch.view_as_real(spread(values[row]).resolve_conj()).reshape(-1, 2) for row in rows]
            self._note("param_std", rows, torch.stack([f.var(0, correction=0).sum().sqrt() for f in few]))

    def _note(self, kind: str, rows: list[int] | None, *vectors: torch.Tensor) -> None:
        """Remember what was measured of these rows (None: of all)."""
        self._vectors += vectors
        self._kinds.append((kind, rows))

    def end(self) -> None:
        """Measure how far the weights have gone in the step."""
        if self._deep and self.hold():
            torch._foreach_copy_(*self._weights(self._other))
            self._note("change", None, self._other.distances(self._now, 0, len(self.held)))

    def samples(self) -> tuple[SampleMatrix, list[tuple[Literal["weights", "gradients"], str, int]]]:
        """What was read of the step that is over, if it was measured: a matrix, and what some of its rows are of."""
        first = len(self.held)
        rows: list[tuple[Literal["weights", "gradients"], str, int]] = []
        if self._deep:
            rows = [("weights", name, row) for row, name in enumerate(self.shown)]
            rows += [("gradients", self.shown[at], first + row) for row, at in enumerate(self._graded)]
        return self._now, rows

    def name(self, names: list[str | None], optimizer: str) -> None:
        """Name the parameters.

        Args:
            names: in the models that were called; None for those that are in none.
        """
        self.names = names
        self.shown = tuple(name or f"{optimizer}/{one.number}" for name, one in zip(names, self.held, strict=True))

    def take(self) -> tuple[list[torch.Tensor], list[Kind]]:
        """What was measured: vectors, and for each its kind and the rows of its elements (None: all)."""
        vectors, kinds = self._vectors, self._kinds
        self._vectors, self._kinds = [], []
        if any(v.dtype != vectors[0].dtype for v in vectors):
            vectors = [v.double() for v in vectors]
        return vectors, kinds

    def read(self, kinds: list[Kind], numbers: Numbers, scale: float) -> dict[str, Table]:
        """The numbers of vectors that `take` gave at several steps [steps, numbers], by kind.

        Args:
            scale: a factor that is in the gradients.
        """
        found: dict[str, Table] = {}
        begin = 0
        for kind, rows in kinds:
            count = len(self.held) if rows is None else len(rows)
            if kind == "sums":
                kind, part = "param_std", moments(self._counts, numbers[:, begin : begin + 3 * count])[1]
                begin += 3 * count
            else:
                part = numbers[:, begin : begin + count]
                begin += count
            self._put(found, kind, rows, part)
        with np.errstate(all="ignore"):  # of values that are not finite
            self._derive(found, scale)
        return found

    def _put(self, found: dict[str, Table], kind: str, rows: list[int] | None, part: Numbers) -> None:
        if kind not in found:
            shape = len(part), len(self.held)
            found[kind] = Table(np.zeros(shape), np.zeros(shape, bool))
        chosen = slice(None) if rows is None else rows
        found[kind].values[:, chosen], found[kind].known[:, chosen] = part, True

    def _derive(self, found: dict[str, Table], scale: float) -> None:
        sizes = found.get("param_norm")
        if sizes is None:
            return
        if "change" in found:  # a tensor that was all zero (a fresh bias) has no ratio
            found["update_ratio"] = Table(found["change"].values / sizes.values, sizes.values != 0)
        found["param_norm"] = _over(found.get("whole_norm"), sizes)
        if "now" in found:
            gradients = _over(found.get("whole_grad_norm"), found["now"])
            found["param_grad_norm"] = Table(gradients.values / scale, gradients.known)


def _over(known: Table | None, below: Table) -> Table:
    """What is known of the first table, and the rest of the one below it."""
    if known is None:
        return below
    return Table(np.where(known.known, known.values, below.values), known.known | below.known)


def _split(found: Found, read: Callable[[torch.Tensor], torch.Tensor | None]) -> tuple[list[int], list[torch.Tensor]]:
    """Rows and values of those that can be read."""
    pairs = [(row, values) for row, gradient in found if (values := read(gradient)) is not None]
    return [row for row, _ in pairs], [values for _, values in pairs]
