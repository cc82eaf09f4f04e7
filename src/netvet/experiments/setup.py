"""What a user gives where no script is to be captured: a model, data, and a loss or a step."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_flatten_with_path, tree_unflatten

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data, Roles
from netvet.experiments.problem import ModelAndStep, Problem, copy_of, redrawn
from netvet.experiments.task import Kind, kind_of

# Batches are kept in memory: so much of a loader, and no more.
MAX_BYTES, MAX_BATCHES = 256 * 2**20, 2_000
# Where no validation data is given, this share of the training data is held out.
HELD_OUT = 0.2
# The safe start for a network that nobody has tuned yet (Karpathy, "A Recipe for Training Neural Networks").
DEFAULT_LR = 3e-4
TARGET_NAMES = ("labels", "label", "targets", "target", "y")

Step = Callable[[nn.Module, Any], Any]


@dataclass(frozen=True)
class Setup:
    """What experiments need of a program that is not captured.

    Args:
        model: a function that makes a fresh model, or a model (its present weights are the initial ones).
        train: a loader, a dataset's batches in a list, or a pair of tensors (inputs, targets).
        loss: `loss(output, target)`, for batches whose last part is the target and whose others enter the model.
        step: `step(model, batch)` in place of `loss`: the loss as a scalar tensor, or a pair (loss, output).
        val: the same as `train`, of other samples; without it a fifth of the training samples is held out.
        optimizer: `optimizer(model)`; Adam at 3e-4 without it.
        task: what the targets are; guessed without it.
        batch_size: for a pair of tensors.
    """

    model: nn.Module | Callable[[], nn.Module]
    train: Any
    loss: Callable[[Any, Any], torch.Tensor] | None = None
    step: Step | None = None
    val: Any = None
    optimizer: Callable[[nn.Module], torch.optim.Optimizer] | None = None
    task: Kind | None = None
    batch_size: int = 32


def problem_of(setup: Setup, origin: str = "setup") -> Problem:
    """Look at a setup, keep its data, and try one step.

    Raises:
        NetvetError: something is missing, or the step gives no loss.
    """
    if (setup.loss is None) == (setup.step is None):
        raise NetvetError("a setup needs either loss(output, target) or step(model, batch), and not both")
    notes: list[str] = []
    structure = _Structure()
    train = _read(setup.train, "train", setup.batch_size, structure, notes)
    if setup.val is not None:
        val = _read(setup.val, "val", setup.batch_size, structure, notes)
    else:
        train, val = train.split(HELD_OUT)
        notes.append("no validation data was given: a fifth of the training samples is held out")
    if setup.optimizer is None:
        notes.append(f"no optimizer was given: Adam with a learning rate of {DEFAULT_LR:g}")
    function = structure.function(setup)
    make = _factory(setup)
    learner = make(0)
    with forked_rng():
        _require_loss(learner.model, function, train.batches[0])
        _, output = function(learner.model, train.batches[0])
    target = next((train.batches[0][n] for n in train.roles.targets), None)
    return Problem(
        learner=lambda seed: ModelAndStep(make(seed).model, function),
        train=train,
        val=val,
        optimizer=setup.optimizer or _adam,
        kind=setup.task or kind_of(output, target),
        origin=origin,
        notes=tuple(notes),
    )


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=DEFAULT_LR)


def _factory(setup: Setup) -> Callable[[int], ModelAndStep]:
    given = setup.model
    if isinstance(given, nn.Module):
        kept = copy_of(given)
        return lambda seed: ModelAndStep(redrawn(copy_of(kept), seed), _nothing)
    if not callable(given):
        raise NetvetError(f"Setup(model=...) is a {type(given).__name__}; expected a torch.nn.Module or a function")

    def make(seed: int) -> ModelAndStep:
        with forked_rng():
            torch.manual_seed(seed)
            made = given()
        if not isinstance(made, nn.Module):
            raise NetvetError(f"model() gave a {type(made).__name__}; expected a torch.nn.Module")
        return ModelAndStep(made, _nothing)

    return make


def _nothing(_model: nn.Module, _batch: Batch) -> tuple[torch.Tensor, None]:
    raise NotImplementedError


class _Structure:
    """How the parts of the user's batches are called, and how batches are put together again."""

    def __init__(self) -> None:
        self._spec: Any = None
        self.names: list[str] = []
        self._plain: dict[int, Any] = {}

    def take(self, batch: Any, which: str) -> Batch:
        """The tensors of one batch by name."""
        pairs, spec = tree_flatten_with_path(batch)
        if self._spec is None:
            self._spec = spec
            self.names = [_name(path) for path, _ in pairs]
            self._plain = {i: leaf for i, (_, leaf) in enumerate(pairs) if not isinstance(leaf, torch.Tensor)}
        elif spec != self._spec:
            raise NetvetError(f"the batches of {which} have different structures: {self._spec} and {spec}")
        found = {
            n: leaf.detach() for n, (_, leaf) in zip(self.names, pairs, strict=True) if isinstance(leaf, torch.Tensor)
        }
        if not found:
            raise NetvetError(f"a batch of {which} holds no tensors: {type(batch).__name__}")
        return found

    def roles(self) -> Roles:
        """The last part, or the one with the name of a target, is the target."""
        names = [n for i, n in enumerate(self.names) if i not in self._plain]
        targets = [n for n in names if n.rsplit(".", 1)[-1] in TARGET_NAMES] or (names[-1:] if len(names) > 1 else [])
        return Roles(tuple(n for n in names if n not in targets), tuple(targets))

    def whole(self, batch: Mapping[str, torch.Tensor]) -> Any:
        """The batch as the user gave it."""
        leaves = [self._plain[i] if i in self._plain else batch[n] for i, n in enumerate(self.names)]
        return tree_unflatten(leaves, self._spec)

    def function(self, setup: Setup) -> Callable[[nn.Module, Batch], tuple[torch.Tensor, torch.Tensor | None]]:
        """The user's step, or one made of the loss."""
        roles, step, loss = self.roles(), setup.step, setup.loss

        def own(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
            result = step(model, self.whole(batch)) if step is not None else None
            if isinstance(result, tuple):
                return result[0], result[1] if len(result) > 1 and isinstance(result[1], torch.Tensor) else None
            return result, None  # type: ignore[return-value]  # what it is, is asked before the first trial

        def of_loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
            output = model(*(batch[n] for n in roles.inputs))
            target = [batch[n] for n in roles.targets]
            value = loss(output, *target) if loss is not None else output
            return value, output if isinstance(output, torch.Tensor) else None

        return own if step is not None else of_loss


def _name(path: Any) -> str:
    parts = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path]
    return ".".join(parts) or "0"


def _read(source: Any, which: str, size: int, structure: _Structure, notes: list[str]) -> Data:
    if source is None:
        raise NetvetError(f"Setup({which}=...) is missing")
    batches: list[Batch] = []
    bytes_left = MAX_BYTES
    with forked_rng(), _rewound(source):
        for batch in _batches_of(source, which, size):
            found = structure.take(batch, which)
            bytes_left -= sum(t.numel() * t.element_size() for t in found.values())
            if (bytes_left < 0 or len(batches) >= MAX_BATCHES) and batches:
                notes.append(f"of {which} the first {len(batches)} batches are used: more do not fit into memory")
                break
            batches.append({n: t.clone() for n, t in found.items()})
    if not batches:
        raise NetvetError(f"the {which} loader is empty: expected at least one batch")
    return Data(tuple(batches), structure.roles())


def _batches_of(source: Any, which: str, size: int) -> Iterator[Any]:
    pair = isinstance(source, (tuple, list)) and len(source) > 0 and all(isinstance(t, torch.Tensor) for t in source)
    if isinstance(source, tuple) and pair:
        return iter(list(zip(*(t.split(size) for t in source), strict=True)))
    if isinstance(source, Iterator):
        raise NetvetError(
            f"{which} is an iterator, which can be read only once; give the loader itself, or a list of its batches"
        )
    if not isinstance(source, Iterable):
        raise NetvetError(f"{which} is a {type(source).__name__}; expected a loader, a list of batches or two tensors")
    return itertools.chain(source)


@contextmanager
def _rewound(source: Any) -> Iterator[None]:
    """Leave the generators of a loader as they were: the user's next epoch has the order that it would have had."""
    holders = (source, getattr(source, "sampler", None), getattr(source, "batch_sampler", None))
    found = [g for h in holders if isinstance(g := getattr(h, "generator", None), torch.Generator)]
    states = [g.get_state() for g in found]
    try:
        yield
    finally:
        for generator, state in zip(found, states, strict=True):
            generator.set_state(state)


def _require_loss(model: nn.Module, function: Any, batch: Batch) -> None:
    """One step must give a loss with a gradient."""
    try:
        loss, _ = function(model, batch)
    except Exception as error:
        raise NetvetError(f"the step raised {type(error).__name__} on the first batch: {error}") from error
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        shape = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise NetvetError(f"the step gave {shape}; expected the loss as a scalar tensor")
    if not loss.requires_grad:
        raise NetvetError("the loss has no gradient: it does not depend on the model's parameters")
