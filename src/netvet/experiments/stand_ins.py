"""Changes that put a plain network in the place of the program's own, or beside it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from netvet.capture.torch_probe_mixing import inputs_of, testable
from netvet.core import NetvetError
from netvet.experiments.calls import outermost_calls
from netvet.experiments.data import Batch
from netvet.experiments.problem import Learner
from netvet.experiments.trial import Build

# A twin's learning rate: Adam's own default.
LR = 1e-3
# Ids before a position that a twin of a sequence model looks at (Bengio et al. 2003, "A Neural Probabilistic Language
# Model", use up to 4), and the width of an embedding.
WINDOW, EMBEDDED = 4, 16
# A twin with more weights than this is no quick test.
MAX_WEIGHTS = 20_000_000
# Probabilities sum to one but for rounding, of half precision too.
SUM = 1e-3


class Twin(nn.Module):
    """One or two hidden layers between inputs and outputs of given shapes.

    Args:
        given: an input [N, ...]; ids [N, T] are embedded, and each position sees itself and a few before it if the
            outputs have positions too.
        output: an output [N, ...], or [N * T, ...].
        layers: hidden ones; `hidden`: their width.
    """

    def __init__(self, given: torch.Tensor, output: torch.Tensor, layers: int, hidden: int) -> None:
        super().__init__()
        self._ids = not given.is_floating_point()
        rows = given.shape[0]
        positions = given.dim() >= 2 and output.dim() > 1 and self._ids
        self._flat = positions and output.shape[0] == given.numel() and given.shape[1] > 1
        self._steps = self._flat or (positions and output.shape[:2] == given.shape and output.dim() > 2)
        if not self._steps and output.shape[0] != rows:
            raise NetvetError("the outputs have no axis of samples that the inputs have too")
        numbers = WINDOW if self._steps else given[0].numel()
        self.embedding = nn.Embedding(int(given.max()) + 2, EMBEDDED) if self._ids else None
        own = output.shape[2:] if self._steps and not self._flat else output.shape[1:]
        self._own = tuple(own)
        width = numbers * (EMBEDDED if self._ids else 1)
        widths = [width, *[hidden] * layers]
        if sum(a * b for a, b in zip(widths, [*widths[1:], max(1, own.numel())], strict=True)) > MAX_WEIGHTS:
            raise NetvetError("inputs and outputs are too large for a plain network")
        made: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            made += [nn.Linear(before, after), nn.ReLU()]
        self.body = nn.Sequential(*made, nn.Linear(widths[-1], max(1, own.numel())))

    def forward(self, given: torch.Tensor) -> torch.Tensor:
        """The outputs in the shape of the program's own."""
        if self.embedding is not None:
            given = given.clamp(0, self.embedding.num_embeddings - 1)
        if self._steps:
            padded = F.pad(given, (WINDOW - 1, 0))
            given = padded.unfold(1, WINDOW, 1)
        x: torch.Tensor = given if self.embedding is None else self.embedding(given)
        x = x.flatten(2) if self._steps else x.flatten(1)
        found: torch.Tensor = self.body(x)
        if self._flat:
            return found.reshape(-1, *self._own)
        return found.reshape(*found.shape[: 2 if self._steps else 1], *self._own)


class _WithTwin:
    """A learner whose model's only outermost call is answered by a twin, alone or added to its own answer."""

    def __init__(self, inner: Learner, batch: Batch, layers: int, hidden: int, *, alone: bool) -> None:
        self._inner, self._alone = inner, alone
        with torch.no_grad():
            calls = outermost_calls(inner, batch)
        if len(calls) != 1 or not isinstance(calls[0].output, torch.Tensor) or not testable(calls, calls[0]):
            raise NetvetError("the step does not make one call of a model that gives one tensor for a batch of samples")
        call, given = calls[0], inputs_of(calls[0])
        output = call.output
        if len(given) != 1 or not output.is_floating_point() or output.dim() == 0:
            raise NetvetError("several tensors enter the model: no plain network can be made for them")
        self._module, self._twin = call.module, Twin(given[0], output, layers, hidden)
        self._normed = _normed(output)
        if not alone:  # it begins as nothing: the training starts where that of the program's own model does
            last = self._twin.body[-1]
            assert isinstance(last, nn.Linear)
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.model: nn.Module = self._twin if alone else nn.ModuleList([inner.model, self._twin])

    @property
    def own(self) -> nn.Module:
        """The program's own model."""
        return self._inner.model

    @property
    def twin(self) -> nn.Module:
        """The plain network."""
        return self._twin

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss and the outputs."""
        with _answered(self._module, self._twin, self._normed, alone=self._alone):
            return self._inner.step(batch)


def _normed(output: torch.Tensor) -> tuple[str, int] | None:
    """Whether outputs are probabilities or their logs, and over which axis; a loss of those has no lower end else."""
    for axis in (1, -1):
        if output.dim() < 2 or output.shape[axis] < 2:
            continue
        if bool((output.exp().sum(axis) - 1).abs().max() < SUM):
            return "log", axis
        if bool((output >= 0).all()) and bool((output.sum(axis) - 1).abs().max() < SUM):
            return "probabilities", axis
    return None


def _as_outputs(own: torch.Tensor | None, found: torch.Tensor, normed: tuple[str, int] | None) -> torch.Tensor:
    """What a plain network finds, in the place of the own outputs or added to them (to their logs)."""
    if normed is None:
        return found if own is None else own + found
    name, axis = normed
    if own is not None:
        found = found + (own if name == "log" else own.clamp(min=torch.finfo(own.dtype).tiny).log())
    return found.log_softmax(axis) if name == "log" else found.softmax(axis)


@contextmanager
def _answered(module: nn.Module, twin: nn.Module, normed: tuple[str, int] | None, *, alone: bool) -> Iterator[None]:
    own = module.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        given = next(t for t in (*args, *kwargs.values()) if isinstance(t, torch.Tensor))
        return _as_outputs(None if alone else own(*args, **kwargs), twin(given), normed)

    kept = module.__dict__.get("forward")
    module.__dict__["forward"] = forward
    try:
        yield
    finally:
        module.__dict__.pop("forward")
        if kept is not None:
            module.__dict__["forward"] = kept


def _with_twin(build: Build, options: Mapping[str, int], *, alone: bool) -> _WithTwin:
    torch.manual_seed(build.trial.seed)
    made = _WithTwin(build.learner, build.train.batches[0], options["layers"], options["hidden"], alone=alone)
    build.learner = made
    return made


def adam(model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of what stands in."""
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=LR)


def twin_instead(build: Build, options: Mapping[str, int]) -> None:
    """Train a plain network (`layers`, `hidden`) with Adam in the place of the program's own, with the same loss."""
    _with_twin(build, options, alone=True)
    build.make_optimizer, build.rate, build.clip = adam, lambda step: 1.0, None


def beside(build: Build, options: Mapping[str, int]) -> None:
    """More capacity: add the outputs of a plain network (`layers`, `hidden`) to those of the program's own."""
    made, make = _with_twin(build, options, alone=False), build.make_optimizer

    def both(_: nn.Module) -> torch.optim.Optimizer:
        optimizer = make(made.own)
        optimizer.add_param_group({"params": list(made.twin.parameters())})
        return optimizer

    build.make_optimizer = both
