"""What simple learners make of the samples of the run. Records `baselines`, `random_labels`, `target_in_input`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from netvet.capture.baselines import MAX_LEARNED, MIN_LEARNED, Problem, baselines_of, halves, number, random_labels
from netvet.capture.learners import Matrix, Ridge, one_hot, r2, scaled
from netvet.capture.torch_batches import Batch, BatchTracker
from netvet.capture.torch_copied_target import copied_target, shown
from netvet.capture.torch_evaluations import EvaluationCollector
from netvet.capture.torch_events import LossCall, Session
from netvet.capture.torch_fingerprints import fingerprints
from netvet.capture.torch_learners import flat
from netvet.capture.torch_losses import loss_phase
from netvet.capture.torch_order import place
from netvet.capture.torch_reservoir import Kept, Reservoir
from netvet.capture.torch_targets import TargetCollector
from netvet.capture.torch_tensors import CLASS_LOSSES, REGRESSION_LOSSES, is_plain

MAX_OUTPUTS, MAX_CLASSES = 64, 1_000
COMPARED_CALLS = 5

Learned = tuple[Matrix, Matrix, npt.NDArray[np.int64] | None]


class BaselineCollector:
    """Records `baselines`, `random_labels` and `target_in_input`."""

    part = "simple learners"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._leak: dict[str, Any] | None = None
        self._leak_calls = 0
        self._identical = self._shifted = True

    def on_loss(self, event: LossCall) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        batch = tracker.batch
        if event.own_target:
            return
        if self._leak_calls >= COMPARED_CALLS or batch is None or batch.path or loss_phase(event, batch) != "train":
            return
        first = next((t for t in batch.inputs.values() if is_plain(t) and t.dim() > 0), None)
        if first is None or not is_plain(event.target) or event.target.dim() == 0:
            return
        if self._leak is None:
            self._leak = {"model": batch.model, **place(batch.site), "column": None, "r2": None}
        if self._leak["model"] != batch.model:
            return
        self._leak_calls += 1
        same = _equal(first, event.target)
        tokens = not first.is_floating_point() and not event.target.is_floating_point() and first.dim() > 1
        self._identical = self._identical and same and first.shape == event.target.shape and not tokens
        self._shifted = self._shifted and same and tokens
        if same and "shown_input" not in self._leak:
            self._leak |= shown(first.detach().reshape(-1), event.target.detach().reshape(-1))
        self._leak["task"] = _task(event)
        self._leak |= {"identical": self._identical, "shifted_identity": self._shifted if tokens else None}
        self._leak["autoencoder"] = self._identical and _narrows(batch)

    def on_finish(self, _ended: str) -> None:
        reservoir: Reservoir = self._session.options["reservoir"]
        try:
            self._learn(reservoir)
        finally:
            if self._leak is not None:
                self._session.recorder.facts("target_in_input", [self._leak])
            else:
                self._session.recorder.missing("target_in_input", "no pair of an input and a target was seen")

    def _learn(self, reservoir: Reservoir) -> None:
        recorder = self._session.recorder
        if self._leak is not None and reservoir.train.reason is None:
            self._leak |= copied_target(reservoir.train)
        train = _problem(reservoir.train)
        if isinstance(train, str):
            for signal in ("baselines", "random_labels"):
                recorder.missing(signal, train)
            return
        self._look_for_map(train)
        recorder.facts("random_labels", [random_labels(train) | {"model_val_score": self._model_score("val", train)}])
        record = baselines_of(train, _problem(reservoir.eval))
        split = record["split"]
        record["model"] = self._model_score(split, train)
        sink = (reservoir.eval if split == "val" else reservoir.train).sink
        recorder.facts("baselines", [record | {"site": sink.site if sink is not None else None}])

    def _look_for_map(self, train: Problem) -> None:
        """How much of the target a linear map explains."""
        if self._leak is None:
            return
        if train.classes is None:
            fitted, asked = halves(train)
            a, b = scaled(fitted.features, asked.features)
            self._leak["r2"] = number(r2(Ridge(a, 1e-6).predict(fitted.targets, b), asked.targets))

    def _model_score(self, split: str, train: Problem) -> float | None:
        """The model's own last score of this kind."""
        name = "r2" if train.classes is None else "accuracy"
        if split == "val":
            evaluations: EvaluationCollector = self._session.options["evaluations"]
            scores = [s for key, s in evaluations.last_scores.items() if name in s and "training data" not in key]
            return number(scores[0][name]) if scores else None
        targets: TargetCollector = self._session.options["targets"]
        recent = [v for values in targets.recent(name) for v in values]
        return float(np.mean(recent)) if recent else None


def _task(event: LossCall) -> str:
    return (
        "classes"
        if event.function in CLASS_LOSSES
        else "regression"
        if event.function in REGRESSION_LOSSES
        else "other"
    )


def _equal(first: torch.Tensor, target: torch.Tensor) -> bool:
    if first.numel() != target.numel() or first.device != target.device or first.is_complex() or target.is_complex():
        return False
    return bool((first.detach().reshape(-1) == target.detach().reshape(-1)).all())


def _narrows(batch: Batch) -> bool:
    """Whether some linear layer of the model is narrower than a sample."""
    module = batch.module()
    first = next(iter(batch.inputs.values()), None)
    if module is None or first is None or not batch.size:
        return False
    width = first.numel() // batch.size
    widths = [m.out_features for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return bool(widths) and min(widths) < width


def _problem(kept: Kept) -> Problem | str:
    """The kept samples, each once, as numbers; or why not."""
    if kept.reason is not None:
        return kept.reason
    if kept.targets is None or not kept.inputs:
        return "no samples with targets were seen together: the loss is no function of torch.nn.functional"
    inputs = [t[: kept.count] for t in kept.inputs.values()]
    prints = fingerprints([t.reshape(kept.count, -1) for t in inputs])
    if all(not t.is_floating_point() and t[0].numel() == 1 for t in inputs):
        return "the inputs are ids: simple learners do not apply"
    _, rows = np.unique(prints, return_index=True)
    rows = np.sort(rows)[:MAX_LEARNED]
    if len(rows) < MIN_LEARNED:
        return f"only {len(rows)} different samples were kept, fewer than {MIN_LEARNED}"
    chosen = torch.from_numpy(rows)
    targets = kept.targets[: kept.count][chosen]
    found = _targets(kept, targets)
    if isinstance(found, str):
        return found
    return Problem(flat([t[chosen] for t in inputs]), found[0], found[1], prints[rows])


def _targets(kept: Kept, targets: torch.Tensor) -> tuple[Matrix, npt.NDArray[np.int64] | None] | str:
    binary = kept.function.startswith("binary_cross_entropy") and targets.numel() == len(targets)
    if (kept.function in CLASS_LOSSES and targets.dim() == 1 and not targets.is_floating_point()) or binary:
        classes = targets.reshape(-1).round().long().numpy() if binary else targets.long().numpy()
        if classes.min() < 0 or classes.max() >= MAX_CLASSES or len(np.unique(classes)) < 2:
            return "the kept targets are of one class only, or of too many"
        return one_hot(classes, int(classes.max()) + 1), classes
    outputs = targets.numel() // len(targets)
    if kept.function not in REGRESSION_LOSSES or outputs > MAX_OUTPUTS or targets.is_complex():
        return "simple learners take one class or up to 64 numbers for each sample"
    values = targets.reshape(len(targets), -1).double().numpy()
    if not np.isfinite(values).all() or not values.std(0).any():
        return "the kept targets are constant or not finite"
    return values, None
