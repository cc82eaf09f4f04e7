"""The problem of a script that was captured: its own step on copies, its own batches, its own optimizer."""

from __future__ import annotations

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
from netvet.experiments.problem import Problem, in_eval_mode, optimizer_like, redrawn, train_as_before
from netvet.experiments.setup import HELD_OUT
from netvet.experiments.task import kind_of
from netvet.experiments.trial import without_graph


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
        return loss, next(iter(tensors_in(output)), None)


def problem_of_run(setup: CapturedSetup, script: str) -> Problem:
    """Make the problem of a captured script.

    Raises:
        NetvetError: no batch was kept.
    """
    if not setup.train:
        raise NetvetError(f"no training batch of {script} could be kept")
    batches = _alike(setup.train)
    train = Data(tuple(map(_named, batches)), _roles(setup, batches))
    notes = []
    if setup.rates and min(setup.rates) != max(setup.rates):
        notes.append(
            "the learning rate of the script follows a schedule; trials follow it too unless they set their own"
        )
    train = drawable(train, _learner(setup, 0)).distinct()
    scored = _that_fit([_named(batch) for batch in setup.val], _learner(setup, 0))
    if scored:
        val = replace(train, batches=tuple(scored)).distinct()
    else:
        train, val = train.split(HELD_OUT)
        why = "no validation batch fits the recorded step" if setup.val else "no scored validation batch was seen"
        notes.append(f"{why}: a fifth of the training samples is held out")
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
        clip=setup.clip,
        rates=tuple(r / top for r in setup.rates) if top else (),
    )


def _named(batch: dict[int, torch.Tensor]) -> Batch:
    return {str(number): tensor for number, tensor in batch.items()}


def _alike(batches: list[dict[int, torch.Tensor]]) -> list[dict[int, torch.Tensor]]:
    """Batches of the form of the first; a smaller last batch is among them."""
    form = {n: t.dim() for n, t in batches[0].items()}
    return [b for b in batches if {n: t.dim() for n, t in b.items()} == form]


def _that_fit(batches: list[Batch], learner: RecordedLearner) -> list[Batch]:
    """Batches that the recorded step takes: it may hold its own batch size as a number."""
    fit: dict[str, bool] = {}
    for batch in batches:
        form = str([t.shape for t in batch.values()])
        if form not in fit:
            try:
                with forked_rng(), in_eval_mode(learner.model):
                    fit[form] = bool(torch.isfinite(without_graph(learner, batch)[0]))
            except Exception:  # whatever a step with a number in it does
                fit[form] = False
    return [batch for batch in batches if fit[str([t.shape for t in batch.values()])]]


def _roles(setup: CapturedSetup, batches: list[dict[int, torch.Tensor]]) -> Roles:
    """Inputs and targets; what is the same in every batch and of another length is shared (class weights, a mask)."""
    lengths = [len(batches[0][n]) for n in setup.inputs if batches[0][n].dim()]
    same = {
        n for n, t in batches[0].items()
        if len(batches) > 1 and (not t.dim() or len(t) not in lengths[:1])
        and all(torch.equal(t, other[n]) for other in batches[1:])
    }  # fmt: skip
    inputs, targets = ([n for n in numbers if n not in same] for numbers in (setup.inputs, setup.targets))
    if not inputs:
        inputs, targets, same = list(setup.inputs), list(setup.targets), set()
    return Roles(*(tuple(map(str, numbers)) for numbers in (inputs, targets, sorted(same))))


def _learner(setup: CapturedSetup, seed: int) -> RecordedLearner:
    program = setup.program.separate()
    redrawn(program.model, seed, kept=setup.pretrained)
    train_as_before(program.model)
    return RecordedLearner(program)


def _optimizer(setup: CapturedSetup, model: nn.Module, top: float) -> torch.optim.Optimizer:
    """The script's own; of a schedule (a warm-up begins near zero) with its highest rate."""
    cls, plain, chosen, _ = setup.optimizer
    first = setup.rates[0] if setup.rates else 0.0
    groups = [dict(options) for options in plain]
    for group in groups:
        if "lr" in group and top:
            group["lr"] = group["lr"] * (top / first) if first else top
    return optimizer_like(cls, groups, chosen, model)
