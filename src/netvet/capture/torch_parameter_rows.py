"""The parameters that one optimizer holds on one device, measured together in a few operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

from netvet.capture.torch_sampling import LOW, SAMPLED, SampleMatrix, spread

# Of models with more parameter tensors than this, the first are looked at.
MAX_TENSORS = 2_000


_PLAIN = (torch.Tensor, torch.nn.Parameter)


class Held(NamedTuple):
    """A parameter with its number in the optimizer."""

    index: int
    parameter: torch.Tensor


def readable(tensor: torch.Tensor) -> torch.Tensor | None:
    """The plain values held by this process; None where there are none to read. To be called without gradients."""
    if type(tensor) not in _PLAIN:
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


def _comparable(gradient: torch.Tensor) -> torch.Tensor | None:
    """A gradient whose elements have the same places at each step."""
    if not gradient.is_sparse:
        return readable(gradient)
    width = gradient.shape[gradient.sparse_dim() :].numel()
    if gradient.shape[0] * width > SAMPLED or gradient.sparse_dim() != 1:
        return None  # which rows are touched changes from step to step
    return readable(gradient.detach().to_dense())


Found = list[tuple[int, torch.Tensor]]


class ParameterRows:
    """Weights before and after a step, and gradients of two successive steps, as rows of matrices.

    Args:
        held: parameters of one device that are readable.

    Attributes:
        names: of the parameters that are in a called model; `shown`: names for all.
        at: step of the optimizer whose gradients are kept for comparison with the next; negative: none are.
    """

    def __init__(self, held: list[Held]) -> None:
        self.held = held
        self.names: list[str | None] = []
        self.shown: list[str] = []
        self.at = -2
        values = [v for v in self._values() if v is not None]
        self._sizes = [v.numel() for v in values]
        like = next((v for v in values if v.dtype in (torch.float64, torch.complex128)), values[0])
        widest = max(_real(v).numel() for v in values)
        self._old = SampleMatrix(len(held), _real(like), widest)
        self._new, self._gradients, self._last = (self._old.empty_like() for _ in range(3))
        # Sampled elements of weights, as views; they hold as long as a weight stays where it is.
        self._views: list[tuple[int, torch.Tensor]] = []
        self._graded: list[int] = []
        self._vectors: list[torch.Tensor] = []
        self._kinds: list[tuple[str, list[int]]] = []
        self._deep = False

    def _values(self) -> list[torch.Tensor | None]:
        return [readable(one.parameter) for one in self.held]

    def _weights(self, matrix: SampleMatrix) -> list[torch.Tensor] | None:
        """Put the weights into a matrix and give their values; None where they are no longer what they were."""
        values = [v for v in self._values() if v is not None]
        if [v.numel() for v in values] != self._sizes:
            return None
        if len(self._views) != len(values) or any(
            v.data_ptr() != pointer for v, (pointer, _) in zip(values, self._views, strict=True)
        ):
            self._views = [(v.data_ptr(), spread(_real(v), matrix.limit)) for v in values]
        matrix.put_spread([view for _, view in self._views])
        return values

    def begin(self, scale: float, count: int, *, deep: bool) -> None:
        """Measure weights and gradients before a step, and gradients beside those of the last step.

        Args:
            scale: a factor that is in the gradients.
            count: steps that the optimizer has completed.
            deep: measure; else only compare gradients with those of the last step.
        """
        self._vectors, self._kinds, self._deep = [], [], False
        found = [(i, one.parameter.grad) for i, one in enumerate(self.held) if one.parameter.grad is not None]
        values = self._weights(self._old) if deep else None
        if values is not None:
            self._deep = True
            rows = list(range(len(values)))
            self._note("param_norm", rows, norms_of(values))
            self._note("param_std", rows, self._old.moments(len(rows))[1])
            self._note("size", rows, self._old.norms(len(rows)))
            self._measure_gradients(found, scale)
        self._compare(found, count)
        self.at = count if deep else -2

    def _note(self, kind: str, rows: list[int], vector: torch.Tensor) -> None:
        self._vectors.append(vector)
        self._kinds.append((kind, rows))

    def _measure_gradients(self, found: Found, scale: float) -> None:
        rows, gradients = _split(found, readable)
        if gradients:
            norms = norms_of(gradients)
            self._note("param_grad_norm", rows, norms / scale if scale != 1.0 else norms)

    def _compare(self, found: Found, count: int) -> None:
        """The cosine of two gradients does not depend on the factor in them."""
        graded, gradients = _split(found, _comparable)
        self._gradients, self._last = self._last, self._gradients
        adjacent = self.at == count - 1 and self._graded == graded
        self._graded = graded
        if gradients:
            self._gradients.put_all([_real(g) for g in gradients])
        if gradients and adjacent:
            rows = len(graded)
            self._note("dot", graded, self._gradients.products(self._last, rows))
            self._note("before", graded, self._last.norms(rows))
            self._note("now", graded, self._gradients.norms(rows))

    def end(self) -> None:
        """Measure how far the weights have gone in the step."""
        if self._deep and self._weights(self._new) is not None:
            rows = len(self.held)
            self._note("change", list(range(rows)), self._new.distances(self._old, rows))

    def stands(self) -> dict[str, float]:
        """For how many elements of a parameter a sampled one stands."""
        return {
            name: max(1.0, size / self._old.limit) for name, size in zip(self.shown, self._sizes, strict=True)
        }

    def take(self) -> tuple[list[torch.Tensor], list[tuple[str, list[str]]]]:
        """What was measured: vectors, and for each its kind and the names of its elements."""
        vectors, kinds = self._vectors, self._kinds
        self._vectors, self._kinds = [], []
        if any(v.dtype != vectors[0].dtype for v in vectors):
            vectors = [v.double() for v in vectors]
        return vectors, [(kind, [self.shown[row] for row in rows]) for kind, rows in kinds]



def _split(
    found: Found, read: Callable[[torch.Tensor], torch.Tensor | None]
) -> tuple[list[int], list[torch.Tensor]]:
    """Rows and values of those that can be read."""
    pairs = [(row, values) for row, gradient in found if (values := read(gradient)) is not None]
    return [row for row, _ in pairs], [values for _, values in pairs]
