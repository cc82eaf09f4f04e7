"""Changes that put a plain network in the place of the program's own, or beside it, or give it other data."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from netvet.capture.torch_probe_mixing import inputs_of, testable
from netvet.core import NetvetError
from netvet.experiments.calls import outermost_calls
from netvet.experiments.data import Batch, Data, Roles
from netvet.experiments.problem import Learner
from netvet.experiments.trial import Build

# A twin's learning rate: Adam's own default.
LR = 1e-3
# Ids before a position that a twin of a sequence model looks at (Bengio et al. 2003, "A Neural Probabilistic Language
# Model", use up to 4), and the width of an embedding.
WINDOW, EMBEDDED = 4, 16
# A twin with more weights than this is no quick test.
MAX_WEIGHTS = 20_000_000
CLASSES = 10
# Ten classes cannot be told apart by linear scores of one number (or by those of two that a sigmoid squeezes).
NARROW = 3


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
        with _answered(self._module, self._twin, alone=self._alone):
            return self._inner.step(batch)


@contextmanager
def _answered(module: nn.Module, twin: nn.Module, *, alone: bool) -> Iterator[None]:
    own = module.forward

    def forward(*args: Any, **kwargs: Any) -> Any:
        given = next(t for t in (*args, *kwargs.values()) if isinstance(t, torch.Tensor))
        found = twin(given)
        return found if alone else own(*args, **kwargs) + found

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


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=LR)


def twin_instead(build: Build, options: Mapping[str, int]) -> None:
    """Train a plain network (`layers`, `hidden`) with Adam in the place of the program's own, with the same loss."""
    _with_twin(build, options, alone=True)
    build.make_optimizer, build.rate, build.clip = _adam, lambda step: 1.0, None


def beside(build: Build, options: Mapping[str, int]) -> None:
    """More capacity: add the outputs of a plain network (`layers`, `hidden`) to those of the program's own."""
    made, make = _with_twin(build, options, alone=False), build.make_optimizer

    def both(_: nn.Module) -> torch.optim.Optimizer:
        optimizer = make(made.own)
        optimizer.add_param_group({"params": list(made.twin.parameters())})
        return optimizer

    build.make_optimizer = both


class _OnDigits:
    """A learner of digits whose body is the program's own module, with plain layers at its ends."""

    def __init__(self, inner: Learner, batch: Batch) -> None:
        inner.model.eval()
        with torch.no_grad():
            calls = outermost_calls(inner, batch)
        inner.model.train()
        if len(calls) != 1 or not isinstance(calls[0].output, torch.Tensor) or not testable(calls, calls[0]):
            raise NetvetError("the step does not make one call of a model that gives one tensor for a batch of samples")
        given, output = inputs_of(calls[0]), calls[0].output
        if len(given) != 1 or given[0].dim() < 2 or output.dim() == 0 or len(output) % len(given[0]):
            raise NetvetError("inputs and outputs of the model have no common axis of samples: digits do not fit in")
        self._form = given[0]
        if output.numel() // len(given[0]) < NARROW:
            raise NetvetError("the outputs of the model are too few numbers to tell ten digits by")
        plain = self._form.is_floating_point() and self._form.dim() == 2
        self.ends = nn.ModuleDict({"last": nn.Linear(output.numel() // len(given[0]), CLASSES)})
        if plain:
            self.ends["first"] = nn.Linear(64, self._form.shape[1])
        self._ids = None if self._form.is_floating_point() else int(self._form.max())
        self._body = calls[0].module
        self.model: nn.Module = nn.ModuleList([inner.model, self.ends])

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss and the scores of the ten digits."""
        images = batch["images"].to(self._form.device)
        given = self._fitted(images)
        output = self.ends["last"](self._body(given).reshape(len(images), -1).float())
        return F.cross_entropy(output, batch["digits"].to(output.device)), output

    def _fitted(self, images: torch.Tensor) -> torch.Tensor:
        """Images [N, 8, 8] of 0 to 1 in the form of the program's own inputs."""
        form = self._form.shape[1:]
        if "first" in self.ends:
            found: torch.Tensor = self.ends["first"]((images.flatten(1) - 0.3) / 0.37)  # mean and std of the digits
            return found.to(self._form.dtype)
        if self._ids is not None:
            line = F.interpolate(images.flatten(1)[:, None], form.numel(), mode="nearest")
            return (line * self._ids).round().to(self._form.dtype).reshape(len(images), *form)
        image = (images - 0.3) / 0.37
        if len(form) == 2:
            return F.interpolate(image[:, None], tuple(form), mode="bilinear")[:, 0].to(self._form.dtype)
        if len(form) == 3:
            return F.interpolate(image[:, None], tuple(form[1:]), mode="bilinear").expand(-1, form[0], -1, -1)
        raise NetvetError(f"inputs of shape {list(form)} cannot be made of images")


def digits_instead(build: Build, _: bool) -> None:
    """Train the program's own model, with plain layers at its ends, on the digits of scikit-learn with Adam."""
    learner = _OnDigits(build.learner, build.train.batches[0])
    build.learner, build.batch_size = learner, None
    build.problem = replace(build.problem, kind="classes")
    build.train, build.val = digits(build.problem.train.batch_size or 32)
    build.make_optimizer, build.rate, build.clip = _adam, lambda step: 1.0, None


def digits(batch_size: int) -> tuple[Data, Data]:
    """The digits of scikit-learn, in 1,437 and 360 samples: images [N, 8, 8] of 0 to 1, classes [N]."""
    try:
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
    except ImportError as error:
        raise NetvetError("known data needs scikit-learn: pip install 'netvet[recipe]'") from error
    found = load_digits()
    images = torch.tensor(found.images / 16.0, dtype=torch.float32)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    whole: Batch = {"images": images[order], "digits": torch.tensor(found.target)[order]}
    batch = {n: t[:batch_size] for n, t in whole.items()}
    roles = Roles(("images",), ("digits",))
    rest = {n: t[batch_size:1437] for n, t in whole.items()}
    held = {n: t[1437:] for n, t in whole.items()}
    return Data((batch, *_cut(rest, batch_size)), roles), Data((held,), roles)


def _cut(batch: Batch, size: int) -> list[Batch]:
    count = len(batch["digits"]) // size
    return [{n: t[i * size : (i + 1) * size] for n, t in batch.items()} for i in range(count)]
