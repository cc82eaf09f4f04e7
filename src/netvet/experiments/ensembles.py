"""Outputs of several nets on the same samples: kept by trials, averaged, and judged sample by sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch.nn import functional as F

from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.problem import Learner, Problem, in_eval_mode, seed_all
from netvet.experiments.task import class_axis, predictions
from netvet.experiments.trial import Build, Trial, learner_after, without_graph

# Outputs go into the journal as text: no more numbers than this of each net.
MAX_NUMBERS = 40_000
# The temperature and the share of the labels that distillation usually begins with (Hinton et al., section 2 and 3).
TEMPERATURE, LABELS = 2.0, 0.5
KINDS = ("classes", "binary", "numbers")


def outputs_kept(build: Build, steps: list[int]) -> None:
    """Keep outputs on the first validation batches after these steps; of classes their probabilities."""
    found: dict[str, Any] = {}

    def keep(made: Build, step: int) -> None:
        if step in steps:
            found[str(step)] = [value.tolist() for value in outputs_of(made.learner, made.problem, made.val)]

    def finish(made: Build) -> Mapping[str, Any]:
        keep(made, made.trial.steps)
        return {"outputs": found}

    build.before_step.append(keep)
    build.at_end.append(finish)


def outputs_of(learner: Learner, problem: Problem, data: Data) -> list[torch.Tensor]:
    """Outputs of each of the first batches (see `kept_batches`), in eval mode."""
    with forked_rng(), in_eval_mode(learner.model):
        seed_all(0)
        made = [without_graph(learner, batch)[1] for batch in kept_batches(problem, learner, data)]
    return [
        soft(problem.kind, output, batch[data.roles.targets[0]])
        for output, batch in zip(made, data.batches, strict=False)
        if output is not None
    ]


def kept_batches(problem: Problem, learner: Learner, data: Data) -> list[Batch]:
    """The first batches, as many as have few enough outputs."""
    with forked_rng(), in_eval_mode(learner.model):
        output = without_graph(learner, data.batches[0])[1]
    if output is None or problem.kind not in KINDS or not data.roles.targets:
        raise NetvetError("outputs and targets of the model are not known: nothing can be averaged")
    return list(data.batches[: max(1, MAX_NUMBERS // max(1, output.numel()))])


def soft(kind: str, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Probabilities of classes, whether outputs are logits, logs of probabilities or those themselves."""
    output = output.detach()
    if kind == "numbers":
        return output
    inside = bool(((output >= 0) & (output <= 1)).all())
    if kind == "binary":
        return output if inside else output.sigmoid()
    axis = class_axis(output, target)
    if axis is None:
        raise NetvetError("the axis of the classes is not known: outputs cannot be averaged")
    sums_to_one = inside and bool(((output.sum(axis) - 1).abs() < 1e-3).all())
    return output if sums_to_one else output.softmax(axis)


def qualities(kind: str, outputs: Sequence[torch.Tensor], data: Data) -> list[float]:
    """How good each sample's output is: share of right predictions, or minus the squared error."""
    found: list[float] = []
    for output, batch in zip(outputs, data.batches, strict=False):
        target = batch[data.roles.targets[0]]
        pair = predictions(kind, output, target)
        if pair is None:
            raise NetvetError("outputs cannot be compared with the targets")
        predicted, wanted = pair
        each = (predicted == wanted).double() if kind != "numbers" else -((predicted - wanted).double() ** 2)
        counted = wanted >= 0 if kind != "numbers" else torch.ones_like(wanted, dtype=torch.bool)
        rows = len(target) if target.dim() and each.numel() % len(target) == 0 else each.numel()
        right, valid = (torch.where(counted, each, 0.0).view(rows, -1).sum(1), counted.view(rows, -1).sum(1))
        found += [float(a / b) for a, b in zip(right, valid, strict=True) if b]
    return found


def mean_of(members: Sequence[Sequence[torch.Tensor]]) -> list[torch.Tensor]:
    """The mean of several nets' outputs, batch by batch."""
    return [torch.stack(list(same)).mean(0) for same in zip(*members, strict=True)]


def spread_of(data: Data) -> float:
    """Variance of the targets."""
    every = torch.cat([b[data.roles.targets[0]].reshape(-1).double() for b in data.batches])
    return float(every.var(correction=0)) or 1.0


def distilled(build: Build, options: Mapping[str, Any]) -> None:
    """Learn from the mean outputs of nets that are trained first: `seeds` and `steps` of those."""
    problem = build.problem
    if problem.kind not in KINDS or not problem.train.roles.targets:
        raise NetvetError("outputs and targets of the model are not known: there is nothing to distil")
    teachers = _teachers(_Held(problem), tuple(options["seeds"]), int(options["steps"]))
    inner, target = build.loss, problem.train.roles.targets[0]

    def loss(learner: Learner, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        value, output = inner(learner, batch)
        if output is None:
            raise NetvetError("the step gives no outputs: there is nothing to distil")
        with forked_rng():
            told = [without_graph(teacher, batch)[1] for teacher in teachers]
        known = [t for t in told if t is not None]
        return LABELS * value + (1 - LABELS) * _distance(problem.kind, output, known, batch[target]), output

    build.loss = loss


def _distance(kind: str, output: torch.Tensor, teachers: Sequence[torch.Tensor], target: torch.Tensor) -> torch.Tensor:
    """How far an output is from the mean of the teachers', in the units of the usual losses."""
    if kind == "numbers":
        return F.mse_loss(output, torch.stack(list(teachers)).mean(0))
    mean = torch.stack([soft(kind, t, target) for t in teachers]).mean(0)
    if kind == "binary":
        inside = bool(((output >= 0) & (output <= 1)).all())
        return F.binary_cross_entropy(output if inside else output.sigmoid(), mean.clamp(0, 1))
    axis = class_axis(output, target)
    assert axis is not None  # `soft` has found it
    inside = bool(((output >= 0) & (output <= 1)).all()) and bool(((output.sum(axis) - 1).abs() < 1e-3).all())
    scores = output.clamp_min(1e-12).log() if inside else output
    # Probabilities to a power, and again adding up to one, are those at that temperature.
    wanted = (mean.clamp_min(1e-12).log() / TEMPERATURE).softmax(axis)
    each = -(wanted * (scores / TEMPERATURE).log_softmax(axis)).sum(axis)
    return each.mean() * TEMPERATURE**2


class _Held:
    """A problem that is told from others by its identity alone."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __hash__(self) -> int:
        return id(self.problem)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Held) and other.problem is self.problem


@lru_cache(maxsize=2)
def _teachers(holder: _Held, seeds: tuple[int, ...], steps: int) -> tuple[Learner, ...]:
    """Nets that were trained as the program does it; made once in each process."""
    return tuple(learner_after(holder.problem, Trial(steps, seed, scores=False)) for seed in seeds)


SQUEEZERS = (outputs_kept, distilled)
