"""What the losses compare with, and how predictions spread beside it. Records `targets` and series beside them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from netvet.capture.label_order import distinct, order_of, order_of_numbers
from netvet.capture.torch_batches import Batch, BatchTracker
from netvet.capture.torch_events import LossCall, Session
from netvet.capture.torch_losses import LossKey, loss_key, loss_phase
from netvet.capture.torch_target_streaks import Streak
from netvet.capture.torch_tensors import (
    CLASS_LOSSES,
    REGRESSION_LOSSES,
    Budget,
    finite,
    hits,
    is_plain,
    labels,
    numbers,
    outputs,
    predicted_numbers,
    predictions,
)

MAX_SITES = 200
MAX_CLASSES = 1_000
# Training batches whose score stands for the end of the training.
RECENT = 10
# Batches of labels kept for the order of the classes; more than any test of it needs.
MAX_BATCHES, MAX_LABELS = 2_000, 200_000
# Numbers that each sample has to be predicted, at most, where the order of the samples is looked at.
MAX_COLUMNS = 8
# The first calls are all counted, as far as they take less than this share of the run.
SHARE, GRACE = 0.005, 0.15
# Batches of a run that are counted beyond that, as targets have just become one number.
MAX_DOUBTFUL = 200
SERIES = ("train_accuracy", "prediction_top_share", "target_top_share", "prediction_std", "target_std")
NO_LOSS = "no loss function of torch.nn.functional was called: the targets of a loss written by hand are not seen"
_KINDS = {
    "soft_margin_loss": "binary",
    "hinge_embedding_loss": "binary",
    "multilabel_soft_margin_loss": "multilabel",
    "kl_div": "probabilities",
}


@dataclass(slots=True)
class _Moments:
    """Count, sum, sum of squares, smallest and largest."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, values: torch.Tensor) -> tuple[float, float, int] | None:
        """Take in flat float64 values; gives the smallest and the largest of them and their number."""
        values = values[torch.isfinite(values)]
        if not values.numel():
            return None
        low, high = torch.aminmax(values)
        parts = torch.stack((values.sum(), values.square().sum(), low, high)).tolist()
        self.n += values.numel()
        self.total, self.squares = self.total + parts[0], self.squares + parts[1]
        self.low, self.high = min(self.low, parts[2]), max(self.high, parts[3])
        return parts[2], parts[3], values.numel()

    @property
    def mean(self) -> float:
        return self.total / self.n

    @property
    def std(self) -> float:
        return float(np.sqrt(max(self.squares / self.n - self.mean**2, 0.0)))


@dataclass(slots=True)
class _Seen:
    """What was seen at one call site in one phase."""

    record: dict[str, Any]
    phase: str
    calls: int = 0
    targets: _Moments = field(default_factory=_Moments)
    streak: Streak = field(default_factory=Streak)
    batches: list[npt.NDArray[np.int64]] = field(default_factory=list)
    numbers: list[npt.NDArray[np.float64]] = field(default_factory=list)
    kept: int = 0
    step: int = -1
    series: dict[str, list[float]] = field(default_factory=dict)
    recent: dict[str, deque[float]] = field(default_factory=dict)


class TargetCollector:
    """Records `targets`, `train_accuracy`, and top shares or stds of predictions and targets."""

    part = "targets"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["targets"] = self
        self._seen: dict[LossKey, _Seen] = {}
        self._budget = Budget(SHARE, GRACE)
        self._doubtful = 0
        self._ended = False

    def on_hand_loss(self, event: LossCall) -> None:
        self._take(event, series=False)  # seen for a few steps only: no course over the run

    def on_loss(self, event: LossCall) -> None:
        self._take(event, series=True)

    def _take(self, event: LossCall, *, series: bool) -> None:
        if event.own_target:
            return
        tracker: BatchTracker = self._session.options["batches"]
        phase = loss_phase(event, tracker.batch)
        phase = "train" if phase == "eval-mode-grad" else phase
        key = loss_key(event, phase)
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= MAX_SITES or not is_plain(event.target) or not is_plain(event.input):
                return
            seen = self._seen[key] = _Seen(describe(event, key, tracker.batch), phase)
        seen.calls += 1
        if not is_plain(event.target) or event.target.numel() == 0:
            return
        # Steps that are looked at closely, and windows of a run that is asleep, are few: all of them count, so that
        # targets that change late are seen.
        few = phase == "train" and (self._session.deep or self._session.left > 0)
        if not few and not self._budget.left and not self._doubts(seen):
            return
        with self._budget:
            self._count(seen, event)
            if series and phase == "train" and self._session.deep and event.output.requires_grad:
                self._predictions(seen, key[0], event)
        sleeper = self._session.sleeper
        if sleeper is not None and sleeper.last_of_window and self._doubts(seen):
            sleeper.prolong()

    def _doubts(self, seen: _Seen) -> bool:
        """Whether the targets have become one number so lately that it may still be chance."""
        doubtful = seen.streak.young and seen.phase == "train" and self._doubtful < MAX_DOUBTFUL
        self._doubtful += doubtful
        return doubtful

    def _count(self, seen: _Seen, event: LossCall) -> None:
        found = labels(event)
        extent = seen.targets.add(numbers(event.target if found is None else found))
        if extent is not None:
            seen.streak.add(self._session.step, *extent, len(seen.batches))
        if found is not None and len(seen.batches) < MAX_BATCHES and seen.kept < MAX_LABELS and found.numel():
            seen.batches.append(found.cpu().numpy().astype(np.int64))
            seen.kept += found.numel()
        elif found is None and seen.phase == "train" and seen.record["kind"] == "regression" and seen.kept < MAX_LABELS:
            rows = event.target.detach().reshape(len(event.target), -1) if event.target.dim() else None
            if rows is not None and rows.shape[1] <= MAX_COLUMNS and len(seen.numbers) < MAX_BATCHES:
                seen.numbers.append(rows.double().cpu().numpy())
                seen.kept += rows.numel()

    def _predictions(self, seen: _Seen, site: str, event: LossCall) -> None:
        step = self._session.step
        if step != seen.step:
            seen.step, seen.series = step, {}
        for name, value in measured(event).items():
            seen.recent.setdefault(name, deque(maxlen=RECENT)).append(value)
            if name not in SERIES:
                continue
            values = seen.series.setdefault(name, [])
            values.append(value)  # micro-batches of one step are averaged
            self._session.recorder.value(step, name, sum(values) / len(values), site)

    def recent(self, name: str) -> Iterator[list[float]]:
        """The last values of `accuracy` or `r2` on training batches, per call site."""
        name = "train_accuracy" if name == "accuracy" else name
        return (list(seen.recent[name]) for seen in self._seen.values() if name in seen.recent)

    def on_finish(self, _ended: str) -> None:
        self._ended = True

    def on_report(self, _: None) -> None:
        recorder = self._session.recorder
        if self._seen:
            recorder.facts("targets", [result(seen) for seen in self._seen.values()])
        elif self._ended:
            for signal in ("targets", *SERIES):
                recorder.missing(signal, NO_LOSS)


def measured(event: LossCall) -> dict[str, float]:
    """Accuracy and top shares of one training batch with classes; stds of one with numbers."""
    found: dict[str, float] = {}
    right = hits(event)
    if right is not None and right[1]:
        found["train_accuracy"] = float(right[0]) / int(right[1])
    wanted, given = labels(event), predictions(event)
    if wanted is not None and given is not None and wanted.numel() and given.numel():
        found["prediction_top_share"] = _top_share(given)
        found["target_top_share"] = _top_share(wanted)
    elif (guess := predicted_numbers(event)) is not None:
        for name, tensor in (("prediction_std", guess), ("target_std", event.target)):
            spread = _batch_std(tensor)
            if spread is not None:
                found[name] = spread
        if found.get("target_std") and event.input.shape == event.target.shape:
            error = (guess.double() - event.target.detach().double()).square().mean()
            found["r2"] = 1.0 - float(error) / found["target_std"] ** 2
    return found


def _top_share(classes: torch.Tensor) -> float:
    low, high = torch.aminmax(classes)
    if int(high) - int(low) > 1_000_000:
        return float(torch.unique(classes, return_counts=True)[1].max()) / classes.numel()
    return float(torch.bincount((classes - low).long()).max()) / classes.numel()


def _batch_std(tensor: torch.Tensor) -> float | None:
    """Std over the batch, root mean square over the outputs."""
    if not is_plain(tensor) or tensor.dim() == 0 or tensor.shape[0] < 2 or tensor.is_complex() or tensor.numel() == 0:
        return None
    rows = tensor.detach().reshape(tensor.shape[0], -1).double()
    return finite(float(rows.var(0, correction=0).mean().sqrt()))


def describe(event: LossCall, key: LossKey, batch: Batch | None) -> dict[str, Any]:
    """What the first call shows."""
    given = _Moments()
    if event.input.numel() and not event.input.is_complex():
        given.add(numbers(event.input))
    record: dict[str, Any] = {
        "site": key[0], "phase": key[1], "kind": kind_of(event, batch), "outputs": outputs(event),
        "dtype": str(event.target.dtype).removeprefix("torch."),
    }  # fmt: skip
    if given.n:
        record |= {
            "output_mean": given.mean,
            "output_std": given.std,
            "output_min": given.low,
            "output_max": given.high,
        }
    return record


def kind_of(event: LossCall, batch: Batch | None) -> str | None:
    """What sort of target it is."""
    target, function = event.target, event.function
    if function in CLASS_LOSSES:
        if target.is_floating_point():
            return "probabilities"
        flattened = (
            batch is not None and batch.size and target.numel() > batch.size and target.numel() % batch.size == 0
        )
        return "sequence" if event.input.dim() == 3 or flattened else "classes"
    if function in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        values = target.detach()
        if not bool(((values == 0) | (values == 1)).all()):
            return "probabilities"
        return "binary" if (outputs(event) or 1) == 1 else "multilabel"
    return "regression" if function in REGRESSION_LOSSES else _KINDS.get(function)


def result(seen: _Seen) -> dict[str, Any]:
    """The record of one call site."""
    record, moments = dict(seen.record), seen.targets
    if moments.n:
        record |= {
            "min": moments.low,
            "max": moments.high,
            "mean": moments.mean,
            "std": moments.std,
            "samples": moments.n,
        }
    record |= seen.streak.result() if seen.phase == "train" else {}
    if seen.numbers:
        record |= order_of_numbers(distinct(seen.numbers))
    if not seen.batches:
        return record
    everything = np.concatenate(seen.batches)
    if everything.min() >= 0 and everything.max() < MAX_CLASSES:
        size = max(int(everything.max()) + 1, 2 if record["kind"] == "binary" else int(record["outputs"] or 0))
        counts = np.bincount(everything, minlength=size)
        shares = counts[counts > 0] / counts.sum()
        record["counts"] = counts.tolist() if size <= MAX_CLASSES else None
        record |= {"classes_seen": len(shares), "entropy": float(-(shares * np.log(shares)).sum())}
        if "constant_since" in record and seen.streak.kept:
            before = np.concatenate(seen.batches[: seen.streak.kept])
            record["counts_before"] = np.bincount(before, minlength=size).tolist() if size <= MAX_CLASSES else None
        if seen.phase == "train" and record["kind"] in ("classes", "binary"):
            record |= order_of(distinct(seen.batches))
    return record
