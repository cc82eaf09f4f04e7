"""The problem of a script that was captured: its own step on copies, its own batches, its own optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from netvet.capture.torch_program import Program
from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_setup import CapturedSetup
from netvet.capture.torch_tensors import tensors_in
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data, Roles
from netvet.experiments.drawable import drawable
from netvet.experiments.held_out import train_and_val
from netvet.experiments.problem import Problem, redrawn, train_as_before
from netvet.experiments.task import kind_of

# Combinations of shapes that are tried; sequences of many lengths are believed after so many.
MAX_FORMS = 20


@dataclass
class RecordedLearner:
    """A copy of the script's model, with the step that was recorded."""

    program: Program

    @property
    def model(self) -> nn.Module:
        """The copy."""
        return self.program.model

    def step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """The loss and the model's outputs."""
        loss, output = self.program.run_with_output({int(name): t for name, t in batch.items()})
        found = list(tensors_in(output))  # the loss may be among them, even the first
        return loss, next((t for t in found if t.dim()), next(iter(found), None))


def problem_of_run(setup: CapturedSetup, script: str) -> Problem:
    """Make the problem of a captured script.

    Raises:
        NetvetError: no batch was kept.
    """
    if not setup.train:
        raise NetvetError(f"no training batch of {script} could be kept")
    batches = tuple(_usable(setup, setup.train, training=True))
    if not batches:
        raise NetvetError(f"a copy of the training step of {script} takes none of its batches")
    roles = _roles(setup, batches)
    train = Data(batches, roles)
    notes = []
    if setup.rates and min(setup.rates) != max(setup.rates):
        notes.append(
            "the learning rate of the script follows a schedule; trials follow it too unless they set their own"
        )
    if setup.accumulated > 1:
        notes.append(f"the script adds up {setup.accumulated} batches in each step; trials step after every batch")
    train = drawable(train, _learner(setup, 0)).distinct()
    held_out = tuple(_usable(setup, setup.val, training=False))
    why = "no validation batch fits the recorded step" if setup.val else "no scored validation batch was seen"
    train, val = train_and_val(train, held_out, why, notes)
    with forked_rng():
        _, output = _learner(setup, 0).step(train.batches[0])
    target = next((train.batches[0][n] for n in train.roles.targets), None)
    top = max(setup.rates, default=0.0)
    return Problem(
        learner=lambda seed: _learner(setup, seed),
        train=train,
        val=val,
        optimizer=lambda model: _optimizer(setup, model, top),
        kind=kind_of(output, target),
        origin=script,
        notes=tuple(notes),
        pretrained=setup.pretrained,
        details={"loaded": setup.loaded, "validated": bool(held_out)},
        clip=setup.clip,
        rates=tuple(r / top for r in setup.rates) if top else (),
    )


def _roles(setup: CapturedSetup, batches: tuple[Batch, ...]) -> Roles:
    """What the tensors are; one of another length that never changes (class weights, a mask) is shared."""
    first, inputs, targets = batches[0], *(tuple(map(str, some)) for some in (setup.inputs, setup.targets))
    same = {n for n in first if len(batches) > 1 and all(torch.equal(first[n], b[n]) for b in batches[1:])}
    lengths = {len(first[n]) for n in inputs if n not in same and first[n].dim()}
    shared = {n for n in same if lengths and (not first[n].dim() or len(first[n]) not in lengths)}
    own_inputs, own_targets = (tuple(n for n in some if n not in shared) for some in (inputs, targets))
    return Roles(own_inputs, own_targets, tuple(sorted(shared)))


def _named(batch: dict[int, torch.Tensor]) -> Batch:
    return {str(number): tensor for number, tensor in batch.items()}


def _usable(setup: CapturedSetup, batches: list[dict[int, torch.Tensor]], *, training: bool) -> Iterator[Batch]:
    """Batches that belong together as those of the first step do, and that the step takes.

    A batch can be put together from an evaluation and the step after it, or from one in which the model was called
    otherwise. One batch of each combination of shapes is tried.
    """
    first, takes = setup.train[0], dict[tuple[torch.Size, ...], bool]()
    learner = _learner(setup, 0)
    learner.model.train(training)
    for batch in batches:
        forms = tuple(t.shape for t in batch.values())
        if forms not in takes:
            takes[forms] = _belongs(batch, first) and (len(takes) >= MAX_FORMS or _takes(learner, batch))
        if takes[forms]:
            yield _named(batch)


def _belongs(batch: dict[int, torch.Tensor], first: dict[int, torch.Tensor]) -> bool:
    """Tensors that have as many samples as each other in the first batch have that here too."""
    if {n: t.dim() for n, t in batch.items()} != {n: t.dim() for n, t in first.items()}:
        return False
    lengths = {n: len(t) for n, t in first.items() if t.dim()}
    return all(len(batch[a]) == len(batch[b]) for a in lengths for b in lengths if lengths[a] == lengths[b])


def _takes(learner: RecordedLearner, batch: dict[int, torch.Tensor]) -> bool:
    try:
        with forked_rng(), torch.enable_grad():
            learner.step(_named(batch))
    except Exception:  # whatever a step does with a batch of another form
        return False
    return True


def _learner(setup: CapturedSetup, seed: int) -> RecordedLearner:
    program = setup.program.separate()
    redrawn(program.model, seed, kept=setup.pretrained)
    train_as_before(program.model)
    return RecordedLearner(program)


def _optimizer(setup: CapturedSetup, model: nn.Module, top: float) -> torch.optim.Optimizer:
    """The script's own; of a schedule (a warm-up begins near zero) with its highest rate."""
    first = setup.rates[0] if setup.rates else 0.0
    groups = tuple(dict(options) for options in setup.optimizer.groups)
    for group in groups:
        if "lr" in group and top:
            group["lr"] = group["lr"] * (top / first) if first else top
    return replace(setup.optimizer, groups=groups).made_for(list(model.parameters()))
