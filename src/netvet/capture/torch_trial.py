"""The first steps of a run once more on a copy, on the same batches, at other learning rates.

While the run goes on, the batches of its first steps are kept. If its loss shows harm at the end (it jumped, or stayed
high), the training is repeated from the initial weights with the script's own optimizer and schedule, each rate
multiplied: what a smaller rate, or a warm-up, would have done.
"""

from __future__ import annotations

import copy
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from netvet.capture.torch_copies import copies_at_work
from netvet.capture.torch_deadline import Deadline
from netvet.capture.torch_events import Backward, Call, Clip, Happening, LossCall, Session, Step
from netvet.capture.torch_order import place
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_program import Feed, Program, named, size_of
from netvet.capture.torch_remade import OptimizerForm, clip_gradients

MAX_STEPS, MIN_STEPS = 300, 30
MAX_BYTES, MAX_ELEMENTS = 32 * 2**20, 10_000_000
# Later losses are kept at every so many steps, to see how the run ended.
EVERY = 5
# The first trial may take this share of the run's time, and so decides how many steps all of them repeat.
FIRST_SHARE, FIRST_SECONDS, FIRST_MOST = 0.15, 4.0, 10.0
# The copy's learning rate rises over this share of the steps in the trial with warm-up.
WARMUP = 1 / 3
# Mean of this share of the last steps is the result of a trial.
TAIL = 0.25
# Harm: the loss ended above this share of its start, or rose to this many times its start, or swings by this
# share of its level, or is at its end still at this share of its level in the second quarter.
HIGH, JUMP, SWING, STUCK = 0.3, 1.5, 0.6, 0.6
Clipping = tuple[str, float]


@dataclass(slots=True)
class _Kept:
    """One step of the run: its batch, and how it was done."""

    batch: dict[int, torch.Tensor]
    rates: list[float]
    clip: Clipping | None
    loss: torch.Tensor


class TrialCollector:
    """Records `lr_trial`."""

    part = "trial of learning rates"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["lr_trial"] = self
        self._reason: str | None = None
        self._program: Program | None = None
        self._feed: Feed | None = None
        self._make: tuple[OptimizerForm, str] | None = None
        self._kept: list[_Kept] = []
        self._bytes = 0
        self._later: list[torch.Tensor] = []
        self._steps = 0
        self._gap = False
        self._began = perf_counter()
        self._clear()

    def _clear(self) -> None:
        self._seen: dict[str, torch.Tensor] = {}
        self._size: int | None = None
        self._loss: torch.Tensor | None = None
        self._clip: Clipping | None = None
        self._calls = self._losses = self._backwards = 0

    @property
    def _wants(self) -> bool:
        return self._reason is None and not self._gap and len(self._kept) < MAX_STEPS

    def on_loader_batch(self, event: Happening) -> None:
        if self._wants:
            self._seen |= named("loader", [event.details["batch"]])

    def on_call_begin(self, event: Call) -> None:
        if self._wants and event.phase == "train" and self._calls < 8:
            found = named(f"call{self._calls}", [event.args, event.kwargs])
            first = next(iter(found.values()), None)
            if self._size is None and first is not None and first.dim():
                self._size = int(first.shape[0])
            self._calls += 1
            self._seen |= found

    def on_loss(self, event: LossCall) -> None:
        if self._wants and event.grad and self._losses < 8:
            self._seen |= named(f"loss{self._losses}", [event.target, event.arguments.get("weight")])
            self._losses += 1

    def on_backward_begin(self, event: Backward) -> None:
        self._backwards += 1
        wanted = self._wants or self._steps % EVERY == 0
        if self._reason is None and wanted and event.loss.numel() == 1:
            self._loss = event.loss.detach().reshape(()) / event.scale

    def on_clip(self, event: Clip) -> None:
        self._clip = (event.kind, float(event.limit))

    def learn(self, context: ProbeContext) -> None:
        """The recorded step: what is to be repeated."""
        if self._program is not None:
            self._reason = "the script trains in several ways"
        if self._reason is None:
            try:
                self._begin(context)
            except ValueError as error:
                self._reason = str(error)

    def _begin(self, context: ProbeContext) -> None:
        if len(context.optimizers) != 1 or context.recording.micro_batches > 1:
            raise ValueError("the script does not take one step of one optimizer for each batch")
        optimizer, name = context.optimizers[0]
        if isinstance(optimizer, torch.optim.LBFGS) or optimizer.state:
            raise ValueError("the optimizer calls the loss itself, or has a history")
        originals = list(context.replay.calls[0].original.parameters())
        if sum(p.numel() for p in originals) > MAX_ELEMENTS:
            raise ValueError("the model is too large to be trained again")
        form = OptimizerForm.of(optimizer, originals)
        if any("lr" not in options for options in form.groups):
            raise ValueError("the optimizer has no learning rate")
        program = Program(context.replay)
        # Its own copy: the probes that follow work on the other.
        self._feed = Feed(program, self._seen, self._size)
        self._program = program.separate()
        self._make = form, name
        self._keep(optimizer)  # the probes look at the first step after this collector

    def on_step_begin(self, event: Step) -> None:
        if self._reason is not None or self._loss is None:
            return
        if self._backwards != 1 and self._program is not None:
            self._reason = "several losses make one step"
        elif self._wants:
            self._keep(event.optimizer)
        if self._steps % EVERY == 0:
            self._later.append(self._loss)

    def _keep(self, optimizer: torch.optim.Optimizer) -> None:
        batch = self._feed.batch(self._seen) if self._feed is not None else None
        size = size_of(list(batch.values())) if batch is not None else 0
        if batch is None or self._loss is None or self._bytes + size > MAX_BYTES:
            return
        self._bytes += size
        rates = [float(g["lr"]) for g in optimizer.param_groups]
        self._kept.append(_Kept(batch, rates, self._clip, self._loss))

    def on_step_end(self, _event: Step) -> None:
        self._steps += 1
        self._clear()

    def on_sleep(self, _: None) -> None:
        """Steps that follow are not those that follow these."""
        self._gap = True
        self._clear()

    def on_finish(self, _ended: str) -> None:
        self._clear()
        recorder = self._session.recorder
        record = None
        if self._reason is None and (self._program is None or len(self._kept) < MIN_STEPS):
            self._reason = "too few steps of one form were seen, or the first step could not be replayed"
        if self._reason is None:
            course = [float(v) for v in self._later]
            if not harmed(course, [float(k.loss) for k in self._kept]):
                self._reason = "the loss showed no sign of a wrong learning rate"
            else:
                copies = [self._program.model] if self._program is not None else []
                try:
                    with copies_at_work(self._session, copies), torch.enable_grad():
                        record = self._try(course)
                except Exception as error:  # whatever a user's model does when it is trained once more
                    self._reason = f"training a copy raised {type(error).__name__}: {error}"
        if record is not None:
            recorder.facts("lr_trial", [record])
        else:
            recorder.missing("lr_trial", self._reason or "its time was used up")
        self._program, self._feed, self._kept = None, None, []

    def _try(self, course: Sequence[float]) -> dict[str, Any] | None:
        program, make = self._program, self._make
        if program is None or make is None:
            return None
        start = copy.deepcopy(program.model.state_dict())
        limit = min(FIRST_MOST, max(FIRST_SECONDS, FIRST_SHARE * (perf_counter() - self._began)))
        first = self._train(program, make, self._kept, 1.0, 0, Deadline(limit, program.parameters))
        count, late = len(first), Deadline(6 * limit, program.parameters)
        if count < MIN_STEPS:
            return None
        steps = self._kept[:count]

        def trial(multiple: float, warmup: int) -> list[float]:
            program.model.load_state_dict(start)
            return self._train(program, make, steps, multiple, warmup, late)

        warmup = max(5, round(WARMUP * count))
        slower, warm = trial(0.1, 0), trial(1.0, warmup)
        results = {1.0: _tail(first, count), 0.1: _tail(slower, count)}
        own = [float(k.loss) for k in steps]
        level = _tail(own, count)
        if results[0.1] is None or level is None or results[0.1] > 0.5 * level:
            # In few steps a tenth of the rate goes a tenth of the way: what helps may come far only at more of it.
            shares = (0.01,) if results[0.1] is None or level is None or results[0.1] > level else (0.3, 0.01)
            results |= {share: _tail(trial(share, 0), count) for share in shares}
        return {
            "optimizer": make[1], "lr": max(max(k.rates) for k in steps), "steps": count, "start": own[0],
            "own": level, "end": _tail(course, len(course)), "peak": max([*course, *own]), "multiples": list(results),
            "losses": list(results.values()), "warmup": _tail(warm, count), "warmup_steps": warmup,
            "spread": _spread(own, slower, count), **place(None),
        }  # fmt: skip

    def _train(
        self, program: Program, make: Any, steps: Sequence[_Kept], multiple: float, warmup: int, until: Deadline
    ) -> list[float]:
        """The losses of the copy, step by step; shorter where the time was used up."""
        optimizer = make[0].made_for(program.parameters)
        program.model.train()
        losses: list[float] = []
        for index, step in enumerate(steps):
            if until.passed:
                break
            factor = multiple * (min(1.0, (index + 1) / warmup) if warmup else 1.0)
            for group, rate in zip(optimizer.param_groups, step.rates, strict=True):
                group["lr"] = rate * factor
            optimizer.zero_grad()
            loss = program.run(step.batch)
            losses.append(float(loss.detach()))
            torch.autograd.backward(loss)
            if step.clip is not None:
                clip_gradients(program.parameters, *step.clip)
            optimizer.step()
        optimizer.zero_grad()
        return losses


def learn_step(context: ProbeContext) -> None:
    """Hand the recorded step to the collectors of this run that repeat it at the end."""
    for name in ("lr_trial", "setup"):
        if name in context.options:
            context.options[name].learn(context)


def harmed(course: Sequence[float], first: Sequence[float]) -> bool:
    """Whether a loss looks as if the steps were too long: it jumped, swings, or stayed high."""
    every = [*course, *first]
    if not every or not first:
        return False
    if not all(map(math.isfinite, every)):
        return True
    start = first[0]
    end = course[-max(4, len(course) // 4) :]
    level = statistics.median(end)
    if start <= 0 or min(every) < 0:
        return False
    swing = statistics.pstdev(end) if len(end) > 3 else 0.0
    early = course[len(course) // 4 : len(course) // 2]
    stuck = bool(early) and level > max(STUCK * statistics.median(early), 0.02 * start)
    return level > HIGH * start or max(every) > JUMP * start or swing > SWING * level or stuck


def _tail(losses: Sequence[float], count: int) -> float | None:
    """Mean of the last part; None where the path broke off or is not finite."""
    if len(losses) < count or not losses:
        return None
    mean = statistics.fmean(losses[-max(1, round(TAIL * count)) :])
    return mean if math.isfinite(mean) else None


def _spread(own: Sequence[float], other: Sequence[float], count: int) -> float | None:
    """Standard error of the difference between two paths over the same batches."""
    size = max(2, round(TAIL * count))
    gaps = [a - b for a, b in zip(own[-size:], other[-size:], strict=False)]
    if len(gaps) < 2 or len(other) < count or not all(map(math.isfinite, gaps)):
        return None
    return statistics.stdev(gaps) / math.sqrt(len(gaps))
