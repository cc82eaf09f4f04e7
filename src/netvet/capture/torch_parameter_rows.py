"""The parameters that one optimizer holds on one device, measured together in a few operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import torch
from torch.nn.parameter import is_lazy

from netvet.capture.torch_sampling import LOW, SAMPLED, SampleMatrix, moments, spread

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


class ParameterRows:
    """Weights before and after a step, and gradients of two successive steps, as rows of matrices.

    Args:
        held: parameters of one device that are readable.

    Attributes:
        names: of the parameters that are in a called model; `shown`: names for all.
        stands: for how many elements of a parameter a sampled one stands, by its shown name.
        at: step of the optimizer whose gradients are kept for comparison with the next; negative: none are.
    """

    def __init__(self, held: list[Held]) -> None:
        self.held = held
        self.names: list[str | None] = []
        self.shown: list[str] = []
        self.stands: dict[str, float] = {}
        self.at = -2
        self._parameters = [one.parameter for one in held]
        values = self._values()
        # All are read as they are: where they lie in memory is all that can change.
        self._plain = all(v is p for v, p in zip(values, self._parameters, strict=True))
        self._forms = [(v.shape, v.dtype, v.device) for v in values]
        self._sizes = [_real(v).numel() for v in values]
        like = next((v for v in values if v.dtype in (torch.float64, torch.complex128)), values[0])
        widest = max(_real(v).numel() for v in values)
        self._old = SampleMatrix(len(held), _real(like), widest)
        self._new, self._gradients, self._last = (self._old.empty_like() for _ in range(3))
        # Sampled elements of weights, as views; they hold as long as a weight stays where it is.
        self._pointers: list[int] = []
        self._found = values
        self._views: list[torch.Tensor] = []
        self._places: dict[int, list[torch.Tensor]] = {}
        self._complex = [row for row, v in enumerate(values) if v.is_complex()]
        self._large = [i for i, v in enumerate(values) if _real(v).numel() > self._old.limit]
        # Of these weights, which have gaps in memory, the elements must be copied each time.
        self._copied: list[int] = []
        self._graded: list[int] = []
        self._compared: set[int] = set()
        # Norms of sampled gradients at the last step that was read.
        self._before: dict[str, float] = {}
        self._scale = 1.0
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
            self._pointers, self._views = pointers, [spread(_real(v), self._old.limit) for v in values]
            self._places.clear()
            pairs = enumerate(zip(self._views, values, strict=True))
            self._copied = [i for i, (few, v) in pairs if _storage(few) != _storage(v)]
        return True

    def _put_weights(self, matrix: SampleMatrix) -> None:
        """Put the weights into a matrix; they hold."""
        for row in self._copied:
            self._views[row] = spread(_real(self._found[row]), matrix.limit)
        places = self._places.get(id(matrix))  # shapes of weights do not change
        if places is None:
            places = self._places[id(matrix)] = matrix.rows_like(self._views)
        torch._foreach_copy_(places, self._views)

    def begin(self, scale: float, count: int, *, deep: bool) -> None:
        """Measure weights and gradients before a step, and gradients beside those of the last step.

        The parameters must hold.

        Args:
            scale: a factor that is in the gradients.
            count: steps that the optimizer has completed.
            deep: measure; else only compare gradients with those of the last step.
        """
        self._vectors, self._kinds, self._deep = [], [], False
        found = [(i, one.parameter.grad) for i, one in enumerate(self.held) if one.parameter.grad is not None]
        self._compare(found, count)
        self.at = count if deep else -2
        if not deep:
            return
        values = self._found
        self._put_weights(self._old)
        self._deep, self._scale = True, scale
        self._note("sums", None, *self._old.sums(len(values)))
        self._note("param_norm", None, self._old.norms(len(values)))
        self._note_complex(values)
        # A row that holds the whole tensor tells its norm; of the others all elements are read.
        rows, gradients = _split([(i, g) for i, g in found if i in self._large or i not in self._compared], readable)
        whole = [values[i] for i in self._large]
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

    def _compare(self, found: Found, count: int) -> None:
        """The cosine of two gradients does not depend on the factor in them."""
        graded, gradients = _split(found, _comparable)
        self._gradients, self._last = self._last, self._gradients
        adjacent = self.at == count - 1 and self._graded == graded
        self._graded, self._compared = graded, set(graded)
        if gradients:
            self._gradients.put_all([_real(g) for g in gradients])
            self._note("now", graded, self._gradients.norms(len(graded)))
        if gradients and adjacent:
            self._note("dot", graded, self._gradients.products(self._last, len(graded)))

    def end(self) -> None:
        """Measure how far the weights have gone in the step."""
        if self._deep and self.hold():
            self._put_weights(self._new)
            self._note("change", None, self._new.distances(self._old, len(self.held)))

    def samples(self) -> Iterator[tuple[Literal["weights", "gradients"], list[str], SampleMatrix, float]]:
        """What was read of the step that is over, if it was measured: names of the first rows, and a factor in them."""
        if self._deep:
            yield "weights", self.shown, self._old, 1.0
            if self._graded:
                yield "gradients", [self.shown[row] for row in self._graded], self._gradients, self._scale

    def name(self, names: list[str | None], optimizer: str) -> None:
        """Name the parameters.

        Args:
            names: in the models that were called; None for those that are in none.
        """
        self.names = names
        self.shown = [name or f"{optimizer}/{one.number}" for name, one in zip(names, self.held, strict=True)]
        limit = self._old.limit
        self.stands = {name: max(1.0, size / limit) for name, size in zip(self.shown, self._sizes, strict=True)}

    def take(self) -> tuple[list[torch.Tensor], list[Kind]]:
        """What was measured: vectors, and for each its kind and the rows of its elements (None: all)."""
        vectors, kinds = self._vectors, self._kinds
        self._vectors, self._kinds = [], []
        if any(v.dtype != vectors[0].dtype for v in vectors):
            vectors = [v.double() for v in vectors]
        return vectors, kinds

    def read(self, kinds: list[Kind], numbers: list[float]) -> dict[str, dict[str, float]]:
        """The numbers of vectors that `take` gave, by kind and name."""
        found: dict[str, dict[str, float]] = {}
        begin = 0
        for kind, rows in kinds:
            names = self.shown if rows is None else [self.shown[row] for row in rows]
            count = len(names) * (3 if kind == "sums" else 1)
            part = numbers[begin : begin + count]
            begin += count
            if kind == "sums":
                kind, (_, part) = "param_std", moments(self._old.counts(len(names)), part)
            read = dict(zip(names, part, strict=True))
            found[kind] = found[kind] | read if kind in found else read
        found["before"], self._before = self._before, found.get("now", {})
        if "param_norm" in found:
            found["size"] = found["param_norm"]
            found["param_norm"] = found["size"] | found.get("whole_norm", {})
            norms = self._before | found.get("whole_grad_norm", {})
            found["param_grad_norm"] = {name: norm / self._scale for name, norm in norms.items()}
        return found


def _split(found: Found, read: Callable[[torch.Tensor], torch.Tensor | None]) -> tuple[list[int], list[torch.Tensor]]:
    """Rows and values of those that can be read."""
    pairs = [(row, values) for row, gradient in found if (values := read(gradient)) is not None]
    return [row for row, _ in pairs], [values for _, values in pairs]
