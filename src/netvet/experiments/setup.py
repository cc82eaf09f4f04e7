"""What a user gives where no script is to be captured: a model, data, and a loss or a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_flatten_with_path, tree_unflatten
from torch.utils.data import DataLoader

from netvet.capture.torch_copies import shared_parameters
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data, Roles
from netvet.experiments.drawable import drawable
from netvet.experiments.given import batches_of, is_trained, model_factory, optimizer_factory, rewound
from netvet.experiments.held_out import HELD_OUT
from netvet.experiments.layers import is_keras_model
from netvet.experiments.parts import Part, Stepping, require_bypass
from netvet.experiments.problem import MakeOptimizer, ModelAndStep, Problem, copy_of, train_as_before
from netvet.experiments.readings import read_again
from netvet.experiments.task import Kind, kind_of

# Batches are kept in memory: so much of a loader, and no more.
MAX_BYTES, MAX_BATCHES = 256 * 2**20, 2_000
# The safe start for a network that nobody has tuned yet (Karpathy, "A Recipe for Training Neural Networks").
DEFAULT_LR = 3e-4
TARGET_NAMES = ("labels", "label", "targets", "target", "y")

Step = Callable[[nn.Module, Any], Any]


@dataclass(frozen=True)
class Setup:
    """What experiments need of a program that is not captured.

    Args:
        model: a function that makes a fresh model, or a model (its present weights are the initial ones); a compiled
            model of Keras 3 needs neither loss, step nor optimizer.
        train: a loader, a dataset's batches in a list, or a pair of tensors (inputs, targets).
        loss: `loss(output, target)`, for batches whose last part is the target and whose others enter the model.
        step: `step(model, batch)` in place of `loss`: the loss as a scalar tensor, or a pair (loss, output).
        val: the same as `train`, of other samples; without it a fifth of the training samples is held out.
        optimizer: `optimizer(model)`, or an optimizer that holds parameters of `model`; Adam at 3e-4 without it.
        task: what the targets are; guessed without it.
        batch_size: for a pair of tensors.
        pretrained: the weights come from a training, so that no seed draws others; without it, judged by norm layers.
        parts: what is to be tried without, by a name: the name of a module whose input can stand for its output, or a
            step that leaves a term of the loss out.
        expected: by how much the held-out loss was to change by these parts (less than zero: to fall).
    """

    model: nn.Module | Callable[[], nn.Module]
    train: Any
    loss: Callable[[Any, Any], torch.Tensor] | None = None
    step: Step | None = None
    val: Any = None
    optimizer: MakeOptimizer | torch.optim.Optimizer | None = None
    task: Kind | None = None
    batch_size: int = 32
    pretrained: bool | None = None
    parts: Mapping[str, str | Step] = field(default_factory=dict)
    expected: Mapping[str, float] = field(default_factory=dict)


def problem_of(setup: Setup, origin: str = "setup") -> Problem:
    """Look at a setup, keep its data, and try one step.

    Raises:
        NetvetError: something is missing, or the step gives no loss.
    """
    if is_keras_model(setup.model):
        return _problem_of_keras(setup, origin)
    if (setup.loss is None) == (setup.step is None):
        raise NetvetError("a setup needs either loss(output, target) or step(model, batch), and not both")
    with forked_rng(), torch.enable_grad():
        return _problem_of(setup, origin)


def _problem_of_keras(setup: Setup, origin: str) -> Problem:
    """A compiled Keras model has its own loss and optimizer."""
    if setup.loss is not None or setup.step is not None or setup.optimizer is not None or setup.parts:
        raise NetvetError(
            "a Keras model is trained with what it was compiled with: leave out loss, step, optimizer and parts, and "
            "give model.compile what you want"
        )
    from netvet.experiments.keras_given import problem_of_model

    with forked_rng(), torch.enable_grad():
        problem = problem_of_model(
            setup.model, setup.train, setup.val, batch_size=setup.batch_size, pretrained=setup.pretrained, origin=origin
        )
    return problem if setup.task is None else replace(problem, kind=setup.task)


def _problem_of(setup: Setup, origin: str) -> Problem:
    notes: list[str] = []
    structure = _Structure()
    train = _read(setup.train, "train", setup.batch_size, structure, notes)
    val = _read(setup.val, "val", setup.batch_size, structure, notes) if setup.val is not None else None
    function = structure.function(setup)
    pretrained = is_trained(setup.model) if setup.pretrained is None else setup.pretrained
    make = model_factory(setup.model, pretrained=pretrained)
    optimizer = optimizer_factory(setup.optimizer or _adam, setup.model, make(0))
    output = _require_loss(make(0), function, train.batches[0], setup.model)
    train = drawable(train, ModelAndStep(make(0), function))
    if val is None:
        train, val = train.split(HELD_OUT)
        notes.append("no validation data was given: a fifth of the training samples is held out")
    if setup.optimizer is None:
        notes.append(f"no optimizer was given: Adam with a learning rate of {DEFAULT_LR:g}")
    if pretrained:
        notes.append("the model is trained already: every seed begins with its weights")
    target = next((train.batches[0][n] for n in train.roles.targets), None)

    def learner(seed: int) -> ModelAndStep:
        return ModelAndStep(make(seed), function)

    return Problem(
        learner=learner,
        train=train,
        val=val,
        optimizer=optimizer,
        kind=setup.task or kind_of(output, target),
        origin=origin,
        notes=tuple(notes),
        pretrained=pretrained,
        details={
            "parts": _parts(setup, structure, learner, train.batches[0]),
            "expected": dict(setup.expected),
            "readings": _readings(setup),
            "validated": setup.val is not None,
        },
    )


def _parts(
    setup: Setup, structure: _Structure, learner: Callable[[int], ModelAndStep], batch: Batch
) -> dict[str, Part]:
    """The declared parts, each tried once."""
    found = structure.parts(setup)
    for part in found.values():
        if isinstance(part, str):
            require_bypass(learner(0), batch, part)
        else:
            _require_loss(learner(0).model, part, batch, setup.model)
    return found


def _readings(setup: Setup) -> dict[str, Any]:
    """What is different when samples of each split are read again."""
    given = {"train": setup.train, "val": setup.val}
    return {split: read_again(loader) for split, loader in given.items() if isinstance(loader, DataLoader)}


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=DEFAULT_LR)


class _Structure:
    """How the parts of the user's batches are called, and how batches are put together again."""

    def __init__(self) -> None:
        self._spec: Any = None
        self.names: list[str] = []
        self._plain: dict[int, Any] = {}

    def take(self, batch: Any, which: str) -> Batch | None:
        """The tensors of one batch by name; None if it is put together in another way than the first."""
        pairs, spec = tree_flatten_with_path(batch)
        names = [_name(path) for path, _ in pairs]
        plain = {i: leaf for i, (_, leaf) in enumerate(pairs) if not isinstance(leaf, torch.Tensor)}
        if self._spec is None:
            self._spec, self.names, self._plain = spec, names, plain
        elif (names, plain.keys()) != (self.names, self._plain.keys()):  # a list for a tuple is no difference
            return None
        found = {
            n: leaf.detach() for n, (_, leaf) in zip(self.names, pairs, strict=True) if isinstance(leaf, torch.Tensor)
        }
        if not found:
            raise NetvetError(
                f"a batch of {which} holds no tensors: {type(batch).__name__}; expected tensors, which "
                "torch.as_tensor makes of arrays"
            )
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

    def function(self, setup: Setup) -> Stepping:
        """The user's step, or one made of the loss."""
        if setup.step is not None:
            return self._stepping(setup.step)
        roles = self.roles()
        loss = copy_of(setup.loss) if isinstance(setup.loss, nn.Module) else setup.loss

        def of_loss(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
            output = model(*(batch[n] for n in roles.inputs))
            target = [batch[n] for n in roles.targets]
            value = loss(output, *target) if loss is not None else output
            return value, output if isinstance(output, torch.Tensor) else None

        return of_loss

    def parts(self, setup: Setup) -> dict[str, Part]:
        """The declared parts, with steps that take the batches that are kept."""
        for name in setup.expected:
            if name not in setup.parts:
                raise NetvetError(f"Setup(expected=...): no part is called {name!r}; known: {', '.join(setup.parts)}")
        return {n: part if isinstance(part, str) else self._stepping(part) for n, part in setup.parts.items()}

    def _stepping(self, step: Step) -> Stepping:
        def own(model: nn.Module, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
            result = step(model, self.whole(batch))
            if isinstance(result, tuple):
                return result[0], result[1] if len(result) > 1 and isinstance(result[1], torch.Tensor) else None
            return result, None  # what it is, is asked before the first trial

        return own


def _name(path: Any) -> str:
    parts = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", key)))) for key in path]
    return ".".join(parts) or "0"


def _read(source: Any, which: str, size: int, structure: _Structure, notes: list[str]) -> Data:
    if source is None:
        raise NetvetError(f"Setup({which}=...) is missing")
    batches: list[Batch] = []
    bytes_left, others = MAX_BYTES, 0
    with forked_rng(), rewound(source):
        for batch in _read_one_by_one(source, which, size):
            found = structure.take(batch, which)
            if found is None:
                others += 1
                continue
            bytes_left -= sum(t.numel() * t.element_size() for t in found.values())
            if (bytes_left < 0 or len(batches) >= MAX_BATCHES) and batches:
                notes.append(f"of {which} the first {len(batches)} batches are used: more do not fit into memory")
                break
            batches.append({n: t.clone() for n, t in found.items()})
    if others:
        notes.append(f"of {which} {others} batches are put together in another way than the first, and are left out")
    if not batches:
        why = "has no batch of the structure of the training batches" if others else "is empty"
        raise NetvetError(f"the {which} loader {why}: expected at least one batch")
    return Data(tuple(batches), structure.roles())


def _read_one_by_one(source: Any, which: str, size: int) -> Iterator[Any]:
    try:
        yield from batches_of(source, which, size)
    except NetvetError:
        raise
    except Exception as error:
        raise NetvetError(f"the {which} loader raised {type(error).__name__}: {error}") from error


def _require_loss(model: nn.Module, function: Any, batch: Batch, own: Any) -> torch.Tensor | None:
    """One step must give a loss with a gradient for the copy of the model; gives the outputs."""
    train_as_before(model)
    try:
        loss, output = function(model, batch)
    except Exception as error:
        raise NetvetError(f"the step raised {type(error).__name__} on the first batch: {error}") from error
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        shape = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise NetvetError(f"the step gave {shape}; expected the loss as a scalar tensor")
    if not loss.requires_grad:
        raise NetvetError("the loss has no gradient: it does not depend on the model's parameters")
    if not shared_parameters(loss, [], [model]) or (
        isinstance(own, nn.Module) and shared_parameters(loss, [model], [own])
    ):
        raise NetvetError(
            "the step computes the loss with another model than the one that it is given; expected step(model, batch) "
            "to call that model, and no global one"
        )
    return output if isinstance(output, torch.Tensor) else None
