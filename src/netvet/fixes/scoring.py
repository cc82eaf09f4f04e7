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
from netvet.capture.torch_events import Backward, Call, Happening, LossCall, Session, Step
from netvet.capture.torch_fingerprints import fingerprints, rows_of
from netvet.capture.torch_tensors import is_plain
from netvet.fixes.aims import Aims
from netvet.fixes.batch_targets import BatchScores, BatchTargets
from netvet.fixes.fixed_samples import FixedSamples
from netvet.fixes.tally import NUMBERS, Tally

# Training samples whose fingerprints are kept, to know an evaluation on them; of each, so many values.
MAX_PRINTS, MAX_MODELS, MAX_VALUES, ASKED = 20_000, 50, 256, 64
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
    """Passes that one place of the program makes with one model over one set of samples. `prints`: of some of these."""

    place: Any
    model: str
    loader: Loader | None
    prints: Any = None
    passes: list[Scored] = field(default_factory=list)


@dataclass(eq=False)
class _Open:
    found: Pass
    series: Series
    step: int
    tallies: dict[str, Tally] = field(default_factory=dict)
    of_batches: BatchScores = field(default_factory=BatchScores)


class Scores:
    """Keeps the scores of all evaluation passes, the training loss, and some training samples.

    Attributes:
        losses: step and training loss of each backward pass.
        fixed: training samples, to be scored again at the end.
        aims: whether the training itself can be scored.
    """

    part = "scores of a trial"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._open: dict[int, _Open] = {}
        self._series: dict[Any, Series] = {}
        self._prints: dict[str, list[Any]] = {}
        self._last: deque[Tally] = deque(maxlen=LAST_BATCHES)
        self._targets = BatchTargets()
        self._numbers = False
        session.options["difference"] = self._difference
        self.losses: list[tuple[int, float]] = []
        self.fixed = FixedSamples()
        self.aims = Aims()

    def on_call_end(self, event: Call) -> None:
        """A model was called."""
        if event.phase == "train":
            self.fixed.called(event)
            self._targets.called(event)
        batch: Batch | None = self._session.options["batches"].batch
        if batch is not None and event.phase == "train":
            self.aims.trained(_prints(batch, MAX_PRINTS))
        elif batch is not None and batch.loader is None:
            self._meets(batch)
        entry = self._entry()
        if entry is not None and self._targets.evaluated(event, entry.of_batches):
            entry.found.scored.add("batch")  # it is worth looking at, also the next time

    def on_loader_batch(self, event: Happening) -> None:
        """A loader gives a batch."""
        self._targets.drawn(event)

    def _meets(self, batch: Batch) -> None:
        first = next(iter(batch.inputs.values()), None)
        if first is not None and first.dim() == 1:  # a single sample
            self.aims.met(_thinned([t.detach()[None] for t in batch.inputs.values() if is_plain(t)], 1))
        else:
            self.aims.met(_prints(batch, MAX_PRINTS))

    def _entry(self) -> _Open | None:
        """The pass that is going on."""
        evaluations: EvaluationCollector = self._session.options["evaluations"]
        found = evaluations.current
        if found is None:
            return None
        known = self._open.get(id(found))
        if known is None:
            place = (found.key[1], str(found.loader.site) if found.loader is not None else None)
            key = (place, found.loader.name if found.loader is not None else None, found.key[0])
            series = self._series.setdefault(key, Series(place, found.key[0], found.loader))
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

    def _difference(self, given: torch.Tensor, target: torch.Tensor, site: str) -> None:
        """An evaluation subtracts a target from an output as it is, or the other way round."""
        entry = self._entry()
        batch: Batch | None = self._session.options["batches"].batch
        if entry is None or not self._numbers or batch is None or given.numel() != target.numel():
            return
        if all(t is not target for t in batch.inputs.values()):  # an output may be a correction of the input
            entry.tallies.setdefault(f"difference at {site}", Tally()).add("mse_loss", given, target, None, {})

    def _of_functions(self, event: LossCall) -> _Open:
        """The pass of a program that has no modules."""
        step = self._session.step
        series = self._series.setdefault(str(event.site), Series(str(event.site), "", None))
        return self._open.setdefault(hash(event.site), _Open(_no_pass(), series, step))

    def _trains(self, event: LossCall) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        if tracker.batch is not None and tracker.batch.size:
            self._remember(tracker.batch)
        self.aims.loss(event)
        if event.own_target:
            return
        self._numbers = self._numbers or event.function in NUMBERS
        self.fixed.loss(event)
        self._targets.loss(event)
        if not self.fixed.batches:
            tally = Tally()
            _add(tally, event)
            self._last.append(tally)

    def _remember(self, batch: Batch) -> None:
        known = self._prints.setdefault(batch.model, []) if len(self._prints) < MAX_MODELS else []
        left = MAX_PRINTS - sum(map(len, known))
        found = _prints(batch, left) if left > 0 else None
        if found is not None:
            known.append(found)

    def on_backward_begin(self, event: Backward) -> None:
        """A training loss is known."""
        for key in [k for k, one in self._open.items() if one.found.record["phase"] == "eval-mode-grad"]:
            del self._open[key]  # training in eval mode, not an evaluation
        self.aims.backward()
        self.losses.append((self._session.step, float(event.loss.detach().double().mean()) / event.scale))

    def on_step_end(self, event: Step) -> None:
        """Evaluation passes end with the next step."""
        self.aims.stepped(event.name)
        self.fixed.forget()
        self._targets.forget()
        self._close()

    def on_loader_iter(self, _event: Any) -> None:
        """They end with the next split, too."""
        self._close()
        self._targets.forget()

    def on_finish(self, _ended: str) -> None:
        """The program has ended."""
        self._close()
        self.fixed.forget()
        self._targets.forget()

    def _close(self) -> None:
        for one in self._open.values():
            scored = _scored(one)
            if scored is not None:
                one.series.passes.append(scored)
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
        # What one fold holds out, others train on; a model that is not trained itself is an average of one that is.
        own = self._prints.get(series.model) or [p for some in self._prints.values() for p in some]
        return bool(own) and bool(np.isin(series.prints, np.concatenate(own)).mean() > 0.5)

    def last_batches(self) -> list[Tally]:
        """Of the last training batches, as they were trained on; empty where `fixed` has samples."""
        return list(self._last)


def _scored(one: _Open) -> Scored | None:
    """The scores of a pass that has ended."""
    # Several losses: of each metric, the one of the most samples, which is the first where they are equal.
    heard = sorted(one.tallies.values(), key=lambda t: -t.samples)
    own = sorted(one.of_batches.found(), key=lambda t: -t.samples)
    scores, read = _together(heard), _together(own)
    if one.of_batches.repeated and scores:
        own, read = [], {}  # several calls on a sample make one prediction, which the program has scored
    # The loss is that of the program; how many samples are right does not depend on how it counts them.
    scores |= {name: value for name, value in read.items() if name != "loss" or "loss" not in scores}
    record = one.found.record
    if "accuracy" not in scores and record.get("accuracy") is not None:
        scores["accuracy"] = record["accuracy"]  # labels that were compared without a loss
    main = next(iter(heard or own), Tally())
    samples = max(t.samples for t in own) if own else main.samples or int(record.get("samples") or 0)
    return Scored(one.step, scores, main.function, samples) if scores else None


def _together(tallies: list[Tally]) -> dict[str, float]:
    scores: dict[str, float] = {}
    for tally in tallies:
        scores = tally.scores() | scores
    return scores


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
    return _thinned(rows_of(batch.inputs.values(), batch.axis, batch.size), limit)


def _thinned(rows: list[torch.Tensor], limit: int) -> Any:
    """Fingerprints of the first rows. rows: [samples, values] each."""
    thin = [r[:limit, :: max(1, r.shape[1] // MAX_VALUES)] for r in rows]
    return fingerprints(thin) if thin and not any(torch.is_complex(r) for r in thin) else None
