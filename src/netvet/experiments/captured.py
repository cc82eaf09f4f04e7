"""The problem of a script that was captured: its own step on copies, its own batches, its own optimizer."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_program import Program
from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_setup import CapturedSetup
from netvet.capture.torch_tensors import tensors_in
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data, Roles
from netvet.experiments.problem import Problem, redrawn
from netvet.experiments.setup import HELD_OUT
from netvet.experiments.task import kind_of

# A batch of another size must give a loss that is near: it is the mean (or sum) over other samples.
FEWER = 2


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
    roles = Roles(*(tuple(map(str, numbers)) for numbers in (setup.inputs, setup.targets)))
    runnable = _runnable(_alike(setup.train), setup.program)
    if not runnable:
        raise NetvetError(f"the recorded step of {script} takes none of the batches that were kept")
    train = Data(tuple(_named(batch) for batch in runnable), roles)
    notes = []
    if setup.rates and min(setup.rates) != max(setup.rates):
        notes.append(
            "the learning rate of the script follows a schedule; trials follow it too unless they set their own"
        )
    train = _with_size(train, setup.program).distinct()
    train, val = _parts(setup, train, notes)
    with forked_rng():
        learner = _learner(setup, 0)
        _, output = learner.step(train.batches[0])
    target = next((train.batches[0][n] for n in roles.targets), None)
    first = setup.rates[0] if setup.rates else 0.0
    return Problem(
        learner=lambda seed: _learner(setup, seed),
        train=train,
        val=val,
        optimizer=lambda model: _optimizer(setup, model),
        kind=kind_of(output, target),
        origin=script,
        notes=tuple(notes),
        pretrained=setup.pretrained,
        details={"loaded": setup.loaded},
        clip=setup.clip,
        rates=tuple(r / first for r in setup.rates) if first else (),
    )


def _parts(setup: CapturedSetup, train: Data, notes: list[str]) -> tuple[Data, Data]:
    """Data to train on and data to score on."""
    scored = _runnable(_alike(setup.val), setup.program)
    if scored:
        return train, Data(tuple(_named(batch) for batch in scored), train.roles, train.fixed_size).distinct()
    if train.size is None and len(train.batches) == 1:
        notes.append("the program has a single batch and nothing else to be scored on: it is scored on that one")
        return train, train
    notes.append("no scored validation batch was seen: a fifth of the training samples is held out")
    return train.split(HELD_OUT)


def _named(batch: dict[int, torch.Tensor]) -> Batch:
    return {str(number): tensor for number, tensor in batch.items()}


def _alike(batches: list[dict[int, torch.Tensor]]) -> list[dict[int, torch.Tensor]]:
    """Batches of the form of the first; a smaller last batch is among them."""
    if not batches:
        return []
    form = {n: t.dim() for n, t in batches[0].items()}
    return [b for b in batches if {n: t.dim() for n, t in b.items()} == form]


def _runnable(batches: list[dict[int, torch.Tensor]], program: Program) -> list[dict[int, torch.Tensor]]:
    """Batches of shapes that the recorded step takes: one that holds a length as a number takes no other."""
    learner, takes = RecordedLearner(program.separate()), dict[tuple[Any, ...], bool]()
    kept = []
    for batch in batches:
        form = tuple(tuple(t.shape) for t in batch.values())
        if form not in takes:
            try:
                with forked_rng(), torch.no_grad():
                    takes[form] = bool(learner.step(_named(batch))[0].numel())
            except Exception:  # whatever a step with a number in it does
                takes[form] = False
        kept += [batch] if takes[form] else []
    return kept


def _learner(setup: CapturedSetup, seed: int) -> RecordedLearner:
    program = setup.program.separate()
    redrawn(program.model, seed, kept=setup.pretrained)
    program.model.train()
    return RecordedLearner(program)


def _with_size(data: Data, program: Program) -> Data:
    """Whether the recorded step takes batches of other sizes: some hold their size as a number."""
    size = data.batch_size
    if size is None or size < 2:
        return data
    learner = RecordedLearner(program.separate())
    fewer = {n: t[: max(FEWER, size // 2)] for n, t in data.batches[0].items()}
    try:
        with forked_rng(), torch.no_grad():
            loss = float(learner.step(fewer)[0])
    except Exception:  # whatever a step with a number in it does
        return Data(data.batches, data.roles, fixed_size=True)
    return Data(data.batches, data.roles, fixed_size=loss != loss)


def _optimizer(setup: CapturedSetup, model: nn.Module) -> torch.optim.Optimizer:
    cls, plain, chosen, _ = setup.optimizer
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [
        {**copy.deepcopy(options), "params": [parameters[i] for i in numbers]}
        for options, numbers in zip(plain, chosen, strict=True)
    ]
    made: torch.optim.Optimizer = cls(groups, lr=groups[0]["lr"]) if "lr" in groups[0] else cls(groups)
    return made
