"""The problem of a Keras program: its model on PyTorch, with the loss, the optimizer and the batches of `fit`."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch

from netvet.capture.keras_session import KerasCapture
from netvet.capture.keras_training import Training
from netvet.capture.live import Live
from netvet.capture.runner import Outcome as RunOutcome
from netvet.capture.runner import RunOptions, run
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.drawable import drawable
from netvet.experiments.keras_data import Reading
from netvet.experiments.keras_form import KerasForm, form_of
from netvet.experiments.keras_net import KerasLearner, KerasNet, Parts
from netvet.experiments.keras_optimizer import Recipe, optimizer_for, recipe_of
from netvet.experiments.keras_own import has_own_step, require_own_step
from netvet.experiments.keras_torch import require_keras_on_torch
from netvet.experiments.problem import Problem, in_eval_mode, redrawn, train_as_before
from netvet.experiments.setup import HELD_OUT
from netvet.experiments.task import kind_of
from netvet.experiments.trial import is_memory, without_graph
from netvet.store import Run

# A model with more numbers is not trained again and again.
MAX_PARAMETERS = 100_000_000
# The outputs of two backends differ by rounding; relative to the largest.
TOLERANCE = 1e-2
NAMES = {"torch": "PyTorch", "jax": "JAX", "tensorflow": "TensorFlow"}


def problem_of_script(chosen: RunOptions) -> tuple[Problem | None, str, RunOutcome]:
    """Run a Keras program under watch: its problem, or the reason why there is none, and how it ended.

    Raises:
        NetvetError: the run was not recorded.
    """
    captures: list[KerasCapture] = []
    inner = chosen.observe

    def observe(live: Live) -> AbstractContextManager[object]:
        if isinstance(live.capture, KerasCapture):
            live.capture.collects = True
            captures.append(live.capture)
        return inner(live) if inner is not None else nullcontext()

    ended = run(replace(chosen, framework="keras", observe=observe))
    if ended.run_path is None:
        raise NetvetError("the run was not recorded, so that there is nothing to experiment with")
    try:
        problem = problem_of_training(captures[0].main() if captures else None, chosen.target)
    except NetvetError as error:
        return None, str(error), ended
    except Exception as error:  # whatever a model does when it is made once more
        told = "out of memory" if is_memory(error) else f"{type(error).__name__}: {error}"
        return None, f"its step could not be taken on a copy: {told}", ended
    found: Any = Run.open(ended.run_path).get("baselines")
    problem.details["trained"] = list(found or ())
    return problem, "", ended


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


def problem_of_training(training: Training | None, origin: str) -> Problem:
    """The problem of a training that is over.

    Raises:
        NetvetError: it cannot be repeated; the message says why, and what to do.
    """
    if training is None or training.setup is None or training.first is None:
        raise NetvetError("no training step of a Keras model was seen: `fit` and `train_on_batch` take them")
    setup, first, backend = training.setup, training.first, training.backend.name
    if not setup.splits["train"]:
        raise NetvetError("no batch of the training could be kept")
    _require_repeatable(training)
    wanted = _evaluated(training)
    form = form_of(training.model, first.trainable, first.others, setup.trainable)
    made, notes = recipe_of(training.model.optimizer, setup.rates or [training.first_rate or 0.0], training.accumulated)
    if backend != "torch":
        notes.insert(0, f"the program trains on {NAMES[backend]}; trials train its model on PyTorch")
    held_out = setup.splits["val"] or setup.splits["scored"]
    reading = Reading(setup.splits["train"][0], _input_names(training.model), training.contracts, training.paths)
    reading.look([*setup.splits["train"], *held_out])
    train = Data(reading.read(setup.splits["train"]), reading.roles())
    scored = reading.read(held_out)
    pretrained = any(id(v) in training.sites.loaded for v in training.variables[0])
    form = replace(form, custom=require_keras_on_torch(form.custom))
    made = made.on_torch(form.custom)
    factory = _Factory(form, reading.parts(), train.batches[0], pretrained, has_own_step(training.model))
    learner = factory(0)
    if factory.own_step:
        require_own_step(learner, train.batches[0])
    _require_same(learner, train.batches[0], wanted, backend)
    train = drawable(train, learner).distinct()
    train, val = _split(train, scored, notes)
    return Problem(
        learner=factory, train=train, val=val, optimizer=_Optimizing(made), kind=_kind(learner, train),
        origin=origin, notes=tuple(notes), pretrained=pretrained, clip=made.clip, rates=made.rates,
        details={"loaded": (), "validated": bool(scored), "scored_once": True},
    )  # fmt: skip


def _input_names(model: Any) -> list[str]:
    """Of a functional model; what a subclass takes has no names."""
    try:
        return [str(one.name) for one in model.inputs]
    except (AttributeError, TypeError, ValueError):
        return []


def _require_repeatable(training: Training) -> None:
    model, backend = training.model, training.backend.name
    if getattr(model, "optimizer", None) is None:
        raise NetvetError("the model was compiled without an optimizer: its steps cannot be repeated")
    size = sum(a.size for a in training.first.trainable) if training.first is not None else 0
    if size > MAX_PARAMETERS:
        raise NetvetError(f"the model has more than {MAX_PARAMETERS:,} parameters")
    if has_own_step(model) and backend != "torch":
        raise NetvetError(
            f"{type(model).__name__} has a train_step of its own, written for {NAMES[backend]}, and trials train on "
            "PyTorch: move what is special about its loss to compute_loss, which is the same on every backend"
        )


def _evaluated(training: Training) -> tuple[float, torch.Tensor] | None:
    """Loss and first outputs of the first batch, by the initial weights, on the program's own backend."""
    first = training.first
    if first is None or training.look is None or not first.batches or not isinstance(first.batches[0], (tuple, list)):
        return None
    given = first.trainable, first.others
    outputs = training.sandbox.outputs(*given, first.batches[0][0])
    loss = training.sandbox.loss(*given, first.batches[0])
    return loss, torch.as_tensor(outputs[0])


def _require_same(learner: KerasLearner, batch: Batch, wanted: tuple[float, torch.Tensor] | None, backend: str) -> None:
    """The copy must do what the model of the program does.

    Raises:
        NetvetError: a step cannot be taken, or gives another loss.
    """
    try:
        with in_eval_mode(learner.model), forked_rng():
            loss, _ = without_graph(learner, batch)
            output = learner.model(*(batch[n] for n in learner.parts.inputs))
    except Exception as error:  # whatever the loss or a layer of the user's does with tensors of PyTorch
        raise NetvetError(
            f"a step of {learner.model.net.name} cannot be taken on PyTorch, where trials train "
            f"({type(error).__name__}: {error}); losses and layers of your own need keras.ops in place of other "
            "operations"
        ) from error
    first = next(iter(learner.leaves(output)), None)
    if wanted is None or first is None:
        return
    own, value = wanted
    gap, size = (first.detach().double().cpu() - value.double()).abs(), float(value.double().abs().max())
    if bool((gap > TOLERANCE * size).any()):
        raise NetvetError(
            "the model puts out other numbers when it is made again on PyTorch: trials would not be of it"
        )
    if own == own and abs(float(loss) - own) > TOLERANCE * max(abs(own), 1.0):
        raise NetvetError(
            f"the loss of the first batch is {own:.4g} on {NAMES[backend]} and {float(loss):.4g} on PyTorch, where "
            "trials train: they would not be of this training (a softmax in front of a loss from_logits is one reason)"
        )


def _split(train: Data, scored: tuple[Batch, ...], notes: list[str]) -> tuple[Data, Data]:
    """Data to train on and data to score on."""
    if scored:
        return train, Data(scored, train.roles, train.fixed_size).distinct()
    if train.size is None and len(train.batches) == 1:
        notes.append("the program has a single batch and nothing else to be scored on: it is scored on that one")
        return train, train
    notes.append("fit has no validation data and nothing is evaluated: a fifth of the training samples is held out")
    return train.split(HELD_OUT)


def _kind(learner: KerasLearner, train: Data) -> Any:
    with forked_rng():
        _, output = without_graph(learner, train.batches[0])
    return kind_of(output, next((train.batches[0][n] for n in train.roles.targets), None))
