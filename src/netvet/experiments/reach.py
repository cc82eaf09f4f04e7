"""Which inputs an output hangs on, by backpropagation through one call of a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_probe_mixing import Axes, changed_call, inputs_of
from netvet.capture.torch_tensors import is_plain, tensors_in
from netvet.experiments.calls import outermost_calls
from netvet.experiments.problem import Problem

# A gradient above this share of the largest is one; below, what sums of zeros leave.
NOTHING = 1e-6
# So many samples and times are followed back.
FOLLOWED = 4


@contextmanager
def evaluated_call(problem: Problem) -> Iterator[ModelCall | None]:
    """The first outermost call of a step on a copy in eval mode; None where the step calls no module."""
    learner = problem.learner(0)
    learner.model.eval()
    with torch.enable_grad():
        calls = outermost_calls(learner, problem.train.batches[0])
        yield calls[0] if calls else None


@dataclass
class Leaf:
    """Where gradients arrive: an input of numbers, or the embeddings of an input of ids."""

    given: torch.Tensor
    tensor: torch.Tensor


class _Embedded(TorchFunctionMode):
    """Makes the embeddings of some ids the beginning of the graph."""

    def __init__(self, ids: list[torch.Tensor]) -> None:
        super().__init__()
        self._ids = ids
        self.found: list[Leaf] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") != "embedding" or not args or not isinstance(output, torch.Tensor):
            return output
        given = next((t for t in self._ids if any(_same(t, a) for a in args[:2] if isinstance(a, torch.Tensor))), None)
        if given is None or output.shape[: given.dim()] != given.shape:
            return output
        output = output.detach().clone().requires_grad_()
        self.found.append(Leaf(given, output))
        return output


def _same(one: torch.Tensor, two: torch.Tensor) -> bool:
    return one is two or (one.shape == two.shape and one.dtype == two.dtype and torch.equal(one, two))


@dataclass
class Graph:
    """One call with its graph: outputs that hang on leaves."""

    leaves: list[Leaf]
    outputs: list[torch.Tensor]

    def reached(self, part: Callable[[torch.Tensor], torch.Tensor | None], axis: int, size: int) -> torch.Tensor | None:
        """Which places along an axis of the inputs the gradient of a part of the outputs reaches, [size].

        Args:
            part: takes what is meant of an output; None for outputs that have no such part.

        None, if no gradient arrives at all.
        """
        chosen = [p for o in self.outputs if (p := part(o)) is not None]
        if not chosen:
            return None
        # Weights of their own: sums that are constant (probabilities, norms) have gradients in their parts.
        generator = torch.Generator().manual_seed(0)
        total = sum((p * torch.rand(p.shape, generator=generator).to(p)).sum() for p in chosen)
        if not isinstance(total, torch.Tensor) or not total.requires_grad:
            return None
        found = torch.autograd.grad(total, [leaf.tensor for leaf in self.leaves], retain_graph=True, allow_unused=True)
        strength = torch.zeros(size, dtype=torch.float64)
        for leaf, grad in zip(self.leaves, found, strict=True):
            if grad is not None and leaf.given.dim() > axis and leaf.given.shape[axis] == size:
                # Infinite scores (masks) times zero are no numbers, and no dependence.
                flat = grad.detach().nan_to_num(0.0, 0.0, 0.0).double().abs().movedim(axis, 0).reshape(size, -1)
                strength = torch.maximum(strength, flat.amax(1).cpu())
        largest = float(strength.max())
        return strength > NOTHING * largest if largest > 0 else None


def graph_of(call: ModelCall) -> Graph | None:
    """Run a call again so that gradients reach its inputs; None where an input of ids has no embedding."""
    given = inputs_of(call)
    changes = {id(t): t.detach().clone().requires_grad_() for t in given if t.is_floating_point()}
    ids = [t for t in given if not t.is_floating_point() and t.dtype != torch.bool]
    with torch.enable_grad(), _Embedded(ids) as embedded:
        output = changed_call(call, changes)
    leaves = [Leaf(t, changes[id(t)]) for t in given if id(t) in changes] + embedded.found
    outputs = [t for t in tensors_in(output) if is_plain(t) and t.is_floating_point() and t.requires_grad and t.dim()]
    return Graph(leaves, outputs) if leaves and outputs else None


def places(size: int) -> list[int]:
    """A few places on an axis, the first and the last among them."""
    return list(dict.fromkeys(i * (size - 1) // max(1, FOLLOWED - 1) for i in range(FOLLOWED)))


def mixing(graph: Graph, axes: Axes) -> list[tuple[int, int]] | None:
    """Pairs (sample whose output it is, other sample that it hangs on); None if nothing could be followed."""
    shapes = dict(axes.of_outputs)
    pairs, followed = [], 0
    for index in places(axes.size):

        def part(output: torch.Tensor, index: int = index) -> torch.Tensor | None:
            number = next(i for i, o in enumerate(graph.outputs) if o is output)
            return output.select(shapes[number], index) if number in shapes else None

        reached = graph.reached(part, axes.of_input, axes.size)
        if reached is None:
            continue
        followed += 1
        pairs += [(index, int(j)) for j in reached.nonzero().flatten() if int(j) != index]
    return pairs if followed else None
