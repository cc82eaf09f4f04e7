"""Listens to one run of a program: how well its model does on held-out samples, or on training samples without any."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from netvet.capture.torch_batches import Batch, BatchTracker, Loader
from netvet.capture.torch_evaluations import EvaluationCollector, Pass
from netvet.capture.torch_events import Backward, Call, LossCall, Session, Step
from netvet.capture.torch_fingerprints import fingerprints, rows_of
from netvet.fixes.fixed_samples import FixedSamples
from netvet.fixes.tally import Tally

# Training samples whose fingerprints are kept, to know an evaluation on them; of each, so many values.
MAX_PRINTS, MAX_VALUES, ASKED = 20_000, 256, 64
# Training batches at the end of the run that are scored where the trained model cannot be called again.
LAST_BATCHES = 50
_CHOSEN = np.zeros(0, dtype=np.int64)


@dataclass(eq=False)
class Scored:
    """The scores of one evaluation pass."""

    step: int
    scores: dict[str, float]
    function: str
    samples: int


@dataclass(eq=False)
class Series:
    """Passes that one place of the program makes over one set of samples. `prints`: of some of these."""

    loader: Loader | None
    prints: Any = None
    passes: list[Scored] = field(default_factory=list)


@dataclass(eq=False)
class _Open:
    found: Pass
    series: Series
    step: int
    tallies: dict[str, Tally] = field(default_factory=dict)


class Scores:
    """Keeps the scores of all evaluation passes, the training loss, and some training samples.

    Attributes:
        losses: step and training loss of each backward pass.
        fixed: training samples, to be scored again at the end.
    """

    part = "scores of a trial"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: dict[int, _Open] = {}
        self._series: dict[Any, Series] = {}
        self._prints: list[Any] = []
        self._printed = 0
        self._last: deque[Tally] = deque(maxlen=LAST_BATCHES)
        self.losses: list[tuple[int, float]] = []
        self.fixed = FixedSamples()

    def on_call_end(self, event: Call) -> None:
        """A model was called."""
        if event.phase == "train":
            self.fixed.called(event)
        self._entry()

    def _entry(self) -> _Open | None:
        """The pass that is going on."""
        evaluations: EvaluationCollector = self._session.options["evaluations"]
        found = evaluations.current
        if found is None:
            return None
        known = self._open.get(id(found))
        if known is None:
            key = (found.key[1], found.loader.name if found.loader is not None else None)
            series = self._series.setdefault(key, Series(found.loader))
            batch: Batch | None = self._session.options["batches"].batch
            if series.prints is None and batch is not None:
                series.prints = _prints(batch, ASKED)
            known = self._open[id(found)] = _Open(found, series, self._session.step)
        return known

    def on_loss(self, event: LossCall) -> None:
        """A loss function was called, in training or in an evaluation."""
        entry = self._entry()
        trains = event.grad and event.output.requires_grad
        if trains and (entry is None or entry.found.record["phase"] != "eval-mode-grad"):
            self._trains(event)
            return
        if entry is None and not event.grad:
            entry = self._of_functions(event)
        if entry is None or event.own_target or not event.output.numel():
            return
        batch: Batch | None = self._session.options["batches"].batch
        if batch is not None and event.target.dim() and len(event.target) < (batch.size or 0):
            entry.series.prints = _CHOSEN  # of inputs that all splits share (nodes of a graph), targets are chosen
        _add(entry.tallies.setdefault(str(event.site or "?"), Tally()), event)

    def on_hand_loss(self, event: LossCall) -> None:
        """A loss was written by hand."""
        self._trains(event)

    def _of_functions(self, event: LossCall) -> _Open:
        """The pass of a program that has no modules."""
        step = self._session.step
        series = self._series.setdefault(str(event.site), Series(None))
        return self._open.setdefault(hash(event.site), _Open(_no_pass(), series, step))

    def _trains(self, event: LossCall) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        if tracker.batch is not None and tracker.batch.size and self._printed < MAX_PRINTS:
            found = _prints(tracker.batch, MAX_PRINTS - self._printed)
            if found is not None:
                self._prints.append(found)
                self._printed += len(found)
        if event.own_target:
            return
        self.fixed.loss(event)
        if not self.fixed.batches:
            tally = Tally()
            _add(tally, event)
            self._last.append(tally)

    def on_backward_begin(self, event: Backward) -> None:
        """A training loss is known."""
        for key in [k for k, one in self._open.items() if one.found.record["phase"] == "eval-mode-grad"]:
            del self._open[key]  # training in eval mode, not an evaluation
        self.losses.append((self._session.step, float(event.loss.detach().double().mean()) / event.scale))

    def on_step_end(self, _event: Step) -> None:
        """Evaluation passes end with the next step."""
        self.fixed.forget()
        self._close()

    def on_loader_iter(self, _event: Any) -> None:
        """They end with the next split, too."""
        self._close()

    def on_finish(self, _ended: str) -> None:
        """The program has ended."""
        self._close()
        self.fixed.forget()

    def _close(self) -> None:
        for one in self._open.values():
            # Several losses: of each metric, the one of the most samples, which is the first where they are equal.
            tallies = sorted(one.tallies.values(), key=lambda t: -t.samples)
            scores: dict[str, float] = {}
            for tally in tallies:
                scores = tally.scores() | scores
            record = one.found.record
            if "accuracy" not in scores and record.get("accuracy") is not None:
                scores["accuracy"] = record["accuracy"]  # labels that were compared without a loss
            if scores:
                main = tallies[0] if tallies else Tally()
                samples = main.samples or int(record.get("samples") or 0)
                one.series.passes.append(Scored(one.step, scores, main.function, samples))
        self._open.clear()

    def held_out(self) -> Iterator[Series]:
        """The evaluations on other samples than those that were trained on."""
        yield from (one for one in self._series.values() if one.passes and not self._is_training(one))

    def on_training(self) -> Iterator[Series]:
        """The evaluations on training samples."""
        yield from (one for one in self._series.values() if one.passes and self._is_training(one))

    def _is_training(self, series: Series) -> bool:
        if series.loader is not None and "train" in series.loader.phases:
            return True
        if series.prints is None or not len(series.prints) or not self._prints:
            return False
        return bool(np.isin(series.prints, np.concatenate(self._prints)).mean() > 0.5)

    def last_batches(self) -> list[Tally]:
        """Of the last training batches, as they were trained on; empty where `fixed` has samples."""
        return list(self._last)


def _no_pass() -> Pass:
    return Pass(("", ()), {"phase": "eval"}, lambda: None, None)


def _add(tally: Tally, event: LossCall) -> None:
    value = float(event.output.detach().double().mean())
    if event.arguments.get("reduction") == "sum" and event.input.dim():
        value /= event.input.shape[0]
    tally.add(event.function, event.input, event.target, value, event.arguments)


def _prints(batch: Batch, limit: int) -> Any:
    """Fingerprints of a batch's samples, of evenly spaced values."""
    if not batch.size:
        return None
    rows = rows_of(batch.inputs.values(), batch.axis, batch.size)
    thin = [r[:limit, :: max(1, r.shape[1] // MAX_VALUES)] for r in rows]
    return fingerprints(thin) if thin and not any(torch.is_complex(r) for r in thin) else None
