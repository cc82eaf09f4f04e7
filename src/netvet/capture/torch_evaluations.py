"""Evaluation passes: consecutive calls without gradients, scored. Records `evaluations`, `val_loss`, `val_accuracy`."""

from __future__ import annotations

import statistics
import sys
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import torch

from netvet.capture.site import _kind
from netvet.capture.torch_batches import FUNCTIONS, Batch, BatchTracker, Loader
from netvet.capture.torch_calls import batch_norm_active, dropout_active
from netvet.capture.torch_events import Backward, Call, Happening, LossCall, Session, Step
from netvet.capture.torch_order import place
from netvet.capture.torch_origins import exit_site
from netvet.capture.torch_states import Around, StateWatch
from netvet.capture.torch_tensors import hits, is_plain, predicted_numbers

# Passes kept: the first and the last ones.
MAX_FIRST, MAX_LAST = 100, 200
# A place whose calls without gradients are never scored (a teacher, a target network) is looked at now and then only.
UNSCORED, AGAIN = 20, 50
MAX_CALLS = 100_000

Key = tuple[str, tuple[Any, ...]]


@dataclass(slots=True)
class Score:
    """Sums over the batches of one pass at one loss call site."""

    loss: Any = 0.0
    weight: int = 0
    loss_means: Any = 0.0
    batches: int = 0
    hits: Any = 0
    compared: Any = 0
    hit_means: Any = 0.0
    hit_batches: int = 0
    by_script: bool = False
    summed: bool = False
    squares: float = 0.0
    targets: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])


@dataclass(slots=True, eq=False)
class Pass:
    """One evaluation pass that is going on, or waits for the next training call to see what it changed."""

    key: Key
    record: dict[str, Any]
    module: Callable[[], torch.nn.Module | None]
    loader: Loader | None
    sizes: list[int] = field(default_factory=list)
    repeats: list[int] = field(default_factory=list)
    scores: dict[str, Score] = field(default_factory=dict)
    scored: set[str] = field(default_factory=set)
    index: int = -2
    previous: Any = None
    calls: int = 0
    around: Around | None = None


class EvaluationCollector:
    """Records `evaluations`, `val_loss` and `val_accuracy`; other collectors ask it for the pass that is going on."""

    part = "evaluations"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["evaluations"] = self
        self._open: dict[Key, Pass] = {}
        self._awaiting: list[Pass] = []
        self._first: list[dict[str, Any]] = []
        self._last: list[dict[str, Any]] = []
        self._unscored: dict[Key, int] = {}
        self._sites: dict[tuple[str, str], str | None] = {}
        self._states = StateWatch(session)
        self.current: Pass | None = None
        self.last_scores: dict[str, dict[str, float]] = {}
        self._any_loss = self._ended = self._called = False
        self._tentative: Call | None = None

    def on_call_begin(self, event: Call) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        batch, self.current, self._called = tracker.batch, None, True
        if batch is None:
            return
        if event.phase == "train":
            self._trains(event)
            return
        self._tentative = event if event.phase == "eval-mode-grad" else None
        key = (batch.model, _stack())
        found = self._open.get(key)
        if found is None:
            count = self._unscored.get(key, 0)
            if count >= UNSCORED:
                self._unscored[key] = count + 1
                if count % AGAIN:
                    return
            found = self._open[key] = self._begin(key, batch, event)
        self.current = found
        _count(found, batch)
        found.around = self._states.begin(batch.model, event.model, found.around, found.calls)

    def _trains(self, event: Call) -> None:
        """A training call ends the passes before it, and shows what they have left behind."""
        name = self._session.models.name(event.model)
        self._close()
        for found in self._awaiting:
            if found.record["model"] == name and found.module() is event.model and found.around is not None:
                found.record["mode_after"] = event.model.training
                self._states.resolve(found.record, found.around, name, event.model)
        self._awaiting = [p for p in self._awaiting if p.record["model"] != name]
        self._states.trains(name, event.model)

    def _begin(self, key: Key, batch: Batch, event: Call) -> Pass:
        loader = None if _is_of_its_own(batch) else batch.loader
        record: dict[str, Any] = {
            "step": self._session.step, "model": batch.model, **place(batch.site), **place(exit_site(), "exit_"),
            "phase": batch.phase, "loader": loader.name if loader else None,
            "loader_batches": loader.record["batches"] if loader else None,
            "loader_samples": loader.record["samples"] if loader else None,
            "dropout_active": dropout_active(event.model), "batch_norm_active": batch_norm_active(event.model),
            "mode_before": self._states.mode(batch.model), "mode_after": None,
        }  # fmt: skip
        return Pass(key, record, weakref.ref(event.model), loader)

    def on_call_end(self, event: Call) -> None:
        if self.current is not None and self.current.around is not None:
            self._states.end(event.model, self.current.around, self.current.calls)

    def on_loss(self, event: LossCall) -> None:
        found = self.current if self._called or event.grad else self._without_modules(event)
        if found is None or (event.grad and event.output.requires_grad and found.record["phase"] != "eval-mode-grad"):
            return
        if not is_plain(event.input) or not is_plain(event.output) or event.output.numel() == 0:
            return
        found.scored.add("loss")
        if event.own_target:
            return  # how good the model is does not show in what it compares with itself
        score = found.scores.setdefault(str(event.site or "?"), Score())
        size = int(event.input.shape[0]) if event.input.dim() else 1
        value = _number(event.output.detach().mean())
        if event.arguments.get("reduction") == "sum" and size:
            value, score.summed = value / size, True  # nobody takes the mean of sums
        score.loss, score.weight = score.loss + value * size, score.weight + size
        score.loss_means, score.batches = score.loss_means + value, score.batches + 1
        right = hits(event)
        if right is not None:
            self.hit(score, _number(right[0]), right[1])
        elif event.input.shape == event.target.shape and event.input.device.type == "cpu":
            _add_squares(score, event)

    def _without_modules(self, event: LossCall) -> Pass | None:
        """The pass of a script that has no modules: each loss without gradient is one of its batches."""
        key = (FUNCTIONS, (event.site,))
        found = self._open.get(key)
        if found is None:
            record = {
                "step": self._session.step,
                "model": FUNCTIONS,
                **place(event.site),
                "phase": "eval",
                "loader": None,
            }
            found = self._open[key] = Pass(key, record, lambda: None, None)
        if event.input.dim() and len(found.sizes) < MAX_CALLS:
            found.sizes.append(int(event.input.shape[0]))
            found.repeats.append(1)
        return found

    def hit(self, score: Score, right: Any, count: Any) -> None:
        """Add one batch in which `right` of `count` predictions were right."""
        if isinstance(count, torch.Tensor):
            share = right / count.clamp(min=1)
        elif count:
            share = right / count
        else:
            return
        score.hits, score.compared = score.hits + right, score.compared + count
        score.hit_means, score.hit_batches = score.hit_means + share, score.hit_batches + 1

    def on_backward_begin(self, _event: Backward) -> None:
        tentative, self._tentative, self.current = self._tentative, None, None
        if tentative is not None:  # training in eval mode, not an evaluation
            for key in [k for k, p in self._open.items() if p.record["phase"] == "eval-mode-grad"]:
                self._unscored[key] = self._unscored.get(key, 0) + 1
                del self._open[key]
            self._trains(tentative)

    def on_loader_iter(self, _event: Happening) -> None:
        if self._open:
            self._close()  # the next split, or the same one again

    def on_step_end(self, event: Step) -> None:
        self._tentative = None
        if self._open:
            self._close()
        self._awaiting.clear()
        self._states.stepped(event)

    def on_sleep(self, _: None) -> None:
        self._states.forget()

    def _close(self) -> None:
        """End the passes that go on; what they changed is seen at the next training call."""
        for found in self._open.values():
            if found.scored:
                self._unscored.pop(found.key, None)
                self._score(found)
                if found.around is not None:
                    found.record["rng_changed"] = found.around.rng_changed
                self._awaiting.append(found)
                self._keep(found.record)
            elif len(self._unscored) < 1_000:
                self._unscored.setdefault(found.key, 0)
                self._unscored[found.key] += 1
        self._open.clear()
        self.current = None

    def _keep(self, record: dict[str, Any]) -> None:
        if len(self._first) < MAX_FIRST:
            self._first.append(record)
        else:
            self._last = [*self._last[-MAX_LAST + 1 :], record]

    def _score(self, found: Pass) -> None:
        record, step = found.record, found.record["step"]
        record |= {
            "batches": len(found.sizes), "samples": sum(found.sizes) or None,
            "first_batch": next(iter(found.sizes), None), "last_batch": next(reversed(found.sizes), None),
            "repeats": float(statistics.median(found.repeats)) if found.repeats else None,
            "scored": next((s for s in ("loss", "compare", "argmax") if s in found.scored), None),
        }  # fmt: skip
        ordered = sorted(found.scores.items(), key=lambda item: (item[1].by_script, -item[1].weight))
        for site, score in ordered:
            if score.by_script and "accuracy" in record:
                continue  # the same, and more certain, from a loss
            values = _values(score)
            if "loss" in values and "loss" not in record:
                self._any_loss = True
                record["loss_site"] = site
            for name in ("loss", "accuracy"):
                if name in values and name not in record:
                    record |= {name: values[name], f"{name}_of_batch_means": values[f"{name}_of_batch_means"]}
            series = self._series_key(site, found)
            for signal, name in (("val_loss", "loss"), ("val_accuracy", "accuracy")):
                if name in values:
                    self._session.recorder.value(step, signal, values[name], series)
            self.last_scores[series] = values | {"step": step, "samples": record["samples"] or 0}

    def _series_key(self, site: str, found: Pass) -> str:
        """The site; with the loader's name where it scores several splits, or the training data."""
        loader = found.record["loader"] or ""
        if found.loader is not None and "train" in found.loader.phases:
            return f"{site} ({loader}, training data)"
        first = self._sites.setdefault((site, found.record["model"]), loader)
        return site if first == loader else f"{site} ({loader or 'no loader'})"

    def on_finish(self, _ended: str) -> None:
        self._ended = True
        self._close()
        self._awaiting.clear()

    def on_report(self, _: None) -> None:
        recorder = self._session.recorder
        if self._first:
            recorder.facts("evaluations", self._first + self._last)
        elif self._ended:
            recorder.missing("evaluations", "no model was called without gradients and then scored")
        if self._ended and not self._any_loss:
            recorder.missing("val_loss", "no loss function of torch.nn.functional was called in an evaluation")


def _stack() -> tuple[Any, ...]:
    """The user's calls that led here: two calls of one evaluation function from two places differ."""
    frame: FrameType | None = sys._getframe(2)
    found: list[Any] = []
    while frame is not None and len(found) < 64:
        if _kind(frame.f_code.co_filename) == 0:
            found.append((frame.f_code.co_filename, frame.f_code.co_firstlineno, frame.f_lasti))
        frame = frame.f_back
    return tuple(found)


def _is_of_its_own(batch: Batch) -> bool:
    """A sample of the user's own, after a pass over a loader whose last batch was scored elsewhere already."""
    whole = batch.loader.size(batch.index) if batch.loader is not None else None
    return batch.repeat > 1 and None not in (whole, batch.size) and batch.size != whole


def _count(found: Pass, batch: Batch) -> None:
    """Count the batch, or one more call on the same batch."""
    found.calls += 1
    first = next(iter(batch.inputs.values()), None)
    previous = found.previous() if found.previous is not None else None
    same = previous is not None and previous is first
    found.previous = weakref.ref(first) if first is not None else None
    size = batch.size or 0
    if found.loader is not None and batch.loader is not None:
        whole = batch.loader.size(batch.index) or size
        if batch.index == found.index and found.sizes:
            if same or found.sizes[-1] >= whole:
                found.repeats[-1] += 1
            else:  # micro-batches of one batch
                found.sizes[-1] += size
            return
        found.index, size = batch.index, min(size, whole) if size else whole
    elif same:
        found.repeats[-1] += 1
        return
    if len(found.sizes) < MAX_CALLS:
        found.sizes.append(size)
        found.repeats.append(1)


def _number(tensor: torch.Tensor) -> Any:
    """The number; on an accelerator a tensor, to be read once at the end of the pass."""
    return tensor.item() if tensor.device.type == "cpu" else tensor.double()


def _add_squares(score: Score, event: LossCall) -> None:
    guess = predicted_numbers(event)
    if guess is None:
        return
    wanted, given = event.target.detach().double(), guess.double()
    score.squares += float((wanted - given).square().sum())
    for i, part in enumerate((float(wanted.numel()), float(wanted.sum()), float(wanted.square().sum()))):
        score.targets[i] += part


def _values(score: Score) -> dict[str, float]:
    found: dict[str, float] = {}
    if score.weight and score.batches:
        found |= {
            "loss": float(score.loss) / score.weight,
            "loss_of_batch_means": float(score.loss_means) / score.batches,
        }
        if score.summed:
            found["loss_of_batch_means"] = found["loss"]
    if int(score.compared):
        found["accuracy"] = float(score.hits) / int(score.compared)
        found["accuracy_of_batch_means"] = float(score.hit_means) / score.hit_batches
    n, total, squares = score.targets
    if n and squares - total**2 / n > 0:
        found["r2"] = 1.0 - score.squares / (squares - total**2 / n)
    return found
