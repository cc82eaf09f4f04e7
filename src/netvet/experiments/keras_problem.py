"""The problem of a Keras program: its model on PyTorch, with the loss, the optimizer and the batches of `fit`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from netvet.capture.keras_backends import Array
from netvet.capture.keras_contract import Contract
from netvet.capture.keras_setup import KerasSetup, Path
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.drawable import drawable
from netvet.experiments.held_out import train_and_val
from netvet.experiments.keras_data import Reading
from netvet.experiments.keras_form import KerasForm, form_of, not_taken
from netvet.experiments.keras_net import KerasLearner, KerasNet, Parts
from netvet.experiments.keras_optimizer import Recipe, optimizer_for, recipe_of
from netvet.experiments.keras_own import has_own_step, require_own_step
from netvet.experiments.keras_torch import BACKEND, require_keras_on_torch
from netvet.experiments.problem import Problem, in_eval_mode, redrawn, train_as_before
from netvet.experiments.task import kind_of
from netvet.experiments.trial import without_graph

# A model with more numbers is not trained again and again.
MAX_PARAMETERS = 100_000_000
# The outputs of two backends differ by rounding; relative to the largest.
TOLERANCE = 1e-2
NAMES = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}


@dataclass(frozen=True)
class _Factory:
    """Makes learners of a model; can be sent to other processes.

    Args:
        pretrained: the weights were loaded: every seed begins with them.
    """

    form: KerasForm
    parts: Parts
    first: Mapping[str, torch.Tensor]
    pretrained: bool
    own_step: bool

    def __call__(self, seed: int) -> KerasLearner:
        require_keras_on_torch({})
        with forked_rng():
            net = self.form.made(self.parts.inputs_of(self.first))
        model = KerasNet(net, self.parts.forms[0], self.parts.pictures)
        redrawn(model, seed, kept=self.pretrained)
        train_as_before(model)
        return KerasLearner(model, self.parts, self.own_step)


@dataclass(frozen=True)
class _Optimizing:
    """Makes the program's optimizer for a model."""

    made: Recipe

    def __call__(self, model: torch.nn.Module) -> torch.optim.Optimizer:
        return optimizer_for(model, self.made)


@dataclass(frozen=True)
class Material:
    """What a problem is made of.

    Args:
        model: the program's own, compiled; `backend`: what Keras makes it of.
        kept: its batches.
        values: initial values of the trainable variables and of the others.
        contracts: its losses; `paths`: of its outputs in their structure.
        accumulated: batches that make one step.
        pretrained: the initial weights come from a training.
        wanted: loss and first outputs of the first batch in eval mode; None where they are not known.
        reached: of each trainable variable, whether it has a gradient.
    """

    model: Any
    backend: str
    kept: KerasSetup
    values: tuple[Sequence[Array], Sequence[Array]]
    contracts: Sequence[Contract]
    paths: Sequence[Path]
    rates: Sequence[float]
    accumulated: int = 1
    pretrained: bool = False
    wanted: tuple[float, Array] | None = None
    reached: Sequence[bool] = ()


def problem_of_material(material: Material, origin: str) -> Problem:
    """Make the problem of a Keras model and its batches.

    Raises:
        NetvetError: its training cannot be repeated; the message says why, and what to do.
    """
    _require_repeatable(material)
    model, kept = material.model, material.kept
    form = form_of(model, *material.values, kept.trainable)
    made, notes = recipe_of(model.optimizer, material.rates, material.accumulated)
    if material.backend != BACKEND:
        notes.insert(0, f"the program trains on {NAMES[material.backend]}; trials train its model on PyTorch")
    held_out = kept.splits["val"] or kept.splits["scored"]
    reading = Reading(kept.splits["train"][0], _input_names(model), material.contracts, material.paths)
    reading.look([*kept.splits["train"], *held_out])
    train, scored = Data(reading.read(kept.splits["train"]), reading.roles()), reading.read(held_out)
    own_step = has_own_step(model)
    form = replace(form, custom=require_keras_on_torch(form.custom))
    made = made.on_torch(form.custom)
    factory = _Factory(form, reading.parts(), train.batches[0], material.pretrained, own_step)
    learner = factory(0)
    _require_same(learner, train.batches[0], material)
    _require_gradients(learner, train.batches[0], material)
    train = drawable(train, learner).distinct()
    train, val = train_and_val(train, scored, "fit has no validation data and nothing is evaluated", notes)
    if own_step:
        require_own_step(factory(0), train.batches[0])
    return Problem(
        learner=factory, train=train, val=val, optimizer=_Optimizing(made), kind=_kind(learner, train),
        origin=origin, notes=tuple(notes), pretrained=material.pretrained, clip=made.clip, rates=made.rates,
        details={"loaded": (), "validated": bool(scored), "scored_once": True},
    )  # fmt: skip


def _input_names(model: Any) -> list[str]:
    """Of a functional model; what a subclass takes has no names."""
    try:
        return [str(one.name) for one in model.inputs]
    except (AttributeError, TypeError, ValueError):
        return []


def _require_repeatable(material: Material) -> None:
    model = material.model
    if not material.kept.splits["train"]:
        raise NetvetError("no batch of the training could be kept")
    if getattr(model, "optimizer", None) is None:
        raise NetvetError("the model was compiled without an optimizer: its steps cannot be repeated")
    if sum(a.size for a in material.values[0]) > MAX_PARAMETERS:
        raise NetvetError(f"the model has more than {MAX_PARAMETERS:,} parameters")
    if has_own_step(model) and material.backend != BACKEND:
        raise NetvetError(
            f"{type(model).__name__} has a train_step of its own, written for {NAMES[material.backend]}, and trials "
            "train on PyTorch: move what is special about its loss to compute_loss, which is the same on every backend"
        )


def _require_same(learner: KerasLearner, batch: Batch, material: Material) -> None:
    """The copy must do what the model of the program does.

    Raises:
        NetvetError: a step cannot be taken, or gives another loss.
    """
    try:
        with in_eval_mode(learner.model), forked_rng():
            loss, _ = without_graph(learner, batch)
            output = learner.model(*(batch[n] for n in learner.parts.inputs))
    except Exception as error:  # whatever the loss or a layer of the user's does with tensors of PyTorch
        raise NetvetError(not_taken(error)) from error
    first = next(iter(learner.leaves(output)), None)
    if material.wanted is None or first is None:
        return
    own, value = material.wanted[0], torch.as_tensor(material.wanted[1]).double()
    gap, size = (first.detach().double().cpu() - value).abs(), float(value.abs().max())
    if bool((gap > TOLERANCE * size).any()):
        raise NetvetError(
            "the model puts out other numbers when it is made again on PyTorch: trials would not be of it"
        )
    if own == own and abs(float(loss) - own) > TOLERANCE * max(abs(own), 1.0):
        raise NetvetError(
            f"the loss of the first batch is {own:.4g} on {NAMES[material.backend]} and {float(loss):.4g} on PyTorch, "
            "where trials train: they would not be of this training (a softmax in front of a loss from_logits is one "
            "reason)"
        )


def _require_gradients(learner: KerasLearner, batch: Batch, material: Material) -> None:
    """Operations of another framework have the same values here, but nothing goes backward through them.

    Raises:
        NetvetError: a weight gets no gradient on PyTorch that has one in the program.
    """
    variables = learner.model.net.trainable_variables
    with forked_rng(), torch.enable_grad():
        loss, _ = learner.step(batch)
        tensors = [v.value for v in variables]
        found = torch.autograd.grad(loss, tensors, allow_unused=True) if loss.requires_grad else [None] * len(tensors)
    lost = [
        v.path for v, gradient, own in zip(variables, found, material.reached, strict=False) if own and gradient is None
    ]
    if lost or not loss.requires_grad:
        told = f"{lost[0]} gets no gradient" if lost else "no weight gets a gradient"
        raise NetvetError(
            f"{told} on PyTorch, where trials train: use keras.ops in place of operations of "
            f"{NAMES[material.backend]} in layers and losses of your own"
        )


def _kind(learner: KerasLearner, train: Data) -> Any:
    with forked_rng():
        _, output = without_graph(learner, train.batches[0])
    return kind_of(output, next((train.batches[0][n] for n in train.roles.targets), None))
