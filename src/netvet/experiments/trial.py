"""One short training on purpose: the same seed and batches as its twin, one difference, a bound in steps and time."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any, Literal

import torch

from netvet.capture.torch_remade import clip_gradients
from netvet.capture.torch_rng import forked_rng
from netvet.core import NetvetError
from netvet.experiments.data import Batch, Data
from netvet.experiments.problem import Learner, Problem, in_eval_mode, seed_all, train_as_before
from netvet.experiments.task import predictions, score_of

Ended = Literal["steps", "decided", "time", "diverged", "failed"]
# A loss this many times the largest of the first steps, or no number, has left for good.
DIVERGED = 1e6
# Samples that a score is taken of, at most.
MAX_SCORED = 20_000


@dataclass(frozen=True)
class Trial:
    """What is to be done. Plain data, so that it can be sent elsewhere, and be found again when a study is resumed.

    Args:
        steps: how many at most.
        seed: decides initial weights, order of batches, and what is drawn in training (dropout). Trials that share
            it are twins.
        changes: what is different, by name (see `changes.py`), with arguments of JSON types, in order of application.
        until: end as soon as the mean loss of a few steps is below this.
        scores: score on training and validation data at the end.
    """

    steps: int
    seed: int = 0
    changes: Mapping[str, Any] = field(default_factory=dict)
    until: float | None = None
    scores: bool = True

    @property
    def key(self) -> str:
        """The same for the same trial; changes in another order are another one."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Scored:
    """A model on one split, in eval mode. `score` is accuracy or r2 (`name`); None where outputs are not known."""

    loss: float
    score: float | None = None
    name: str | None = None
    samples: int = 0


@dataclass(frozen=True)
class Result:
    """What came of a trial.

    Args:
        losses: of each step, in training mode, before its update.
        ended: why it ended; `failed` with `error` where it raised.
        extra: what changes have measured, by name; JSON types.
        step_seconds: median time of the steps after the first, which warms up; None for fewer than two.
    """

    losses: tuple[float, ...]
    ended: Ended
    seconds: float
    train: Scored | None = None
    val: Scored | None = None
    error: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    step_seconds: float | None = None

    @property
    def start(self) -> float:
        """Loss of the first step."""
        return self.losses[0] if self.losses else math.nan

    def tail(self, share: float = 0.2) -> float:
        """Mean loss of the last steps; infinite where the training diverged."""
        if self.ended in ("diverged", "failed") or not self.losses:
            return math.inf
        last = self.losses[-max(1, round(share * len(self.losses))) :]
        return sum(last) / len(last)


@dataclass
class Build:
    """A trial in the making: what changes may change.

    Attributes:
        rate: factor of the learning rate at each step.
        batch_size: None: the program's own.
        loss: gets learner and batch, gives loss and outputs; changes may wrap it.
        lost: set by a change that has seen enough of a loss that has left; the trial ends as diverged.
        before_step: called with the step number, before each update.
        at_end: called with the build after the last step; gives what goes into `Result.extra`.
    """

    problem: Problem
    trial: Trial
    learner: Learner
    train: Data
    val: Data
    make_optimizer: Callable[[torch.nn.Module], torch.optim.Optimizer]
    rate: Callable[[int], float]
    batch_size: int | None = None
    batches: Iterator[Batch] | None = None
    loss: Callable[[Learner, Batch], tuple[torch.Tensor, torch.Tensor | None]] = lambda learner, batch: learner.step(
        batch
    )
    clip: tuple[str, float] | None = None
    lost: bool = False
    optimizer: torch.optim.Optimizer | None = None
    before_step: list[Callable[[Build, int], None]] = field(default_factory=list)
    at_end: list[Callable[[Build], Mapping[str, Any]]] = field(default_factory=list)


def run_trial(problem: Problem, trial: Trial, seconds: float = math.inf) -> Result:
    """Train, and say what came of it; an error of the user's code is a result too.

    Args:
        seconds: stop after so much time.
    """
    began = perf_counter()
    losses: list[float] = []
    clock: list[float] = []
    try:
        with forked_rng(), torch.enable_grad():
            seed_all(trial.seed)
            build = _build(problem, trial)
            seed_all(trial.seed)  # twins draw the same numbers, however their models were made
            ended = _train(build, losses, began + seconds, clock)
            extra: dict[str, Any] = {}
            for measure in build.at_end:
                extra |= measure(build)
            train, val = (evaluate(build, build.train), evaluate(build, build.val)) if trial.scores else (None, None)
        took = median(b - a for a, b in pairwise(clock)) if len(clock) > 1 else None
        return Result(tuple(losses), ended, perf_counter() - began, train, val, None, extra, took)
    except NetvetError:
        raise
    except Exception as error:  # whatever a user's model does when it is trained once more
        told = "out of memory" if is_memory(error) else f"{type(error).__name__}: {error}"
    return Result(tuple(losses), "failed", perf_counter() - began, error=told)


def learner_after(problem: Problem, trial: Trial) -> Learner:
    """The learner as a trial leaves it, in eval mode.

    Raises:
        NetvetError: it diverged.
    """
    with forked_rng(), torch.enable_grad():
        seed_all(trial.seed)
        build = _build(problem, trial)
        seed_all(trial.seed)
        if _train(build, [], math.inf, []) == "diverged":
            raise NetvetError(f"the training with seed {trial.seed} diverged")
    build.learner.model.eval()
    return build.learner


def is_memory(error: BaseException) -> bool:
    """Whether there was not enough memory, on whatever device."""
    told = str(error).lower()
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(
        words in told for words in ("out of memory", "can't allocate memory")
    )


def _build(problem: Problem, trial: Trial) -> Build:
    from netvet.experiments.changes import CHANGES

    rates = problem.rates

    def rate(step: int) -> float:
        return rates[min(step, len(rates) - 1)] if rates else 1.0

    build = Build(
        problem, trial, problem.learner(trial.seed), problem.train, problem.val, problem.optimizer, rate,
        clip=problem.clip,
    )  # fmt: skip
    for name, argument in trial.changes.items():
        if name not in CHANGES:
            raise NetvetError(f"no such change: {name!r}; known: {', '.join(sorted(CHANGES))}")
        CHANGES[name](build, argument)
    return build


def _train(build: Build, losses: list[float], until: float, clock: list[float]) -> Ended:
    trial, learner = build.trial, build.learner
    train_as_before(learner.model)
    build.optimizer = optimizer = build.make_optimizer(learner.model)
    rates = [group.get("lr") for group in optimizer.param_groups]
    stream = build.batches or build.train.stream(trial.seed, build.batch_size)
    for step in range(trial.steps):
        if perf_counter() > until:
            return "time"
        for group, base in zip(optimizer.param_groups, rates, strict=True):
            if base is not None:
                group["lr"] = base * build.rate(step)
        batch = next(stream)
        losses.append(_gradients(build, optimizer, batch))
        if build.lost or not math.isfinite(losses[-1]) or losses[-1] > DIVERGED * max(1.0, *map(abs, losses[:5])):
            return "diverged"
        for action in build.before_step:
            action(build, step)
        if build.clip is not None:
            clip_gradients(list(learner.model.parameters()), *build.clip)
        if isinstance(optimizer, torch.optim.LBFGS):  # searches along a line, on one batch
            optimizer.step(partial(_gradients, build, optimizer, batch))  # type: ignore[no-untyped-call]
        else:
            optimizer.step()
        clock.append(perf_counter())
        if trial.until is not None and step >= 4 and sum(losses[-5:]) / 5 < trial.until:
            return "decided"
    return "steps"


def _gradients(build: Build, optimizer: torch.optim.Optimizer, batch: Batch) -> float:
    """The loss of a batch, with its gradients in place if it is a number."""
    optimizer.zero_grad()
    loss, _ = build.loss(build.learner, batch)
    value = float(loss.detach())
    if math.isfinite(value):
        loss.backward()  # type: ignore[no-untyped-call]
    return value


def evaluate(build: Build, data: Data) -> Scored | None:
    """Loss and score of the model on data, in eval mode; its modules are in their own modes afterwards."""
    learner, kind = build.learner, build.problem.kind
    total, count, pairs = 0.0, 0, []
    with in_eval_mode(learner.model):
        for batch in data.batches:
            loss, output = without_graph(learner, batch)
            size = next((len(batch[n]) for n in data.roles.inputs if batch[n].dim()), 1)
            total, count = total + float(loss) * size, count + size
            target = next((batch[n] for n in data.roles.targets), None)
            pair = predictions(kind, output, target) if output is not None and target is not None else None
            if pair is not None:
                pairs.append(pair)
            if count >= MAX_SCORED:
                break
    score = score_of(kind, torch.cat([p for p, _ in pairs]), torch.cat([w for _, w in pairs])) if pairs else None
    if not count:
        return None
    return Scored(total / count, score.value if score else None, score.name if score else None, count)


def without_graph(learner: Learner, batch: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The step for its numbers alone; one that needs derivatives itself (of a differential equation) gets its graph."""
    with torch.no_grad():
        try:
            return learner.step(batch)
        except RuntimeError as error:
            if is_memory(error):
                raise
    with torch.enable_grad():
        loss, output = learner.step(batch)
    return loss.detach(), None if output is None else output.detach()
