"""Evaluations of a Keras model. Records `evaluations`, `val_loss` and `val_accuracy`."""

from __future__ import annotations

import math
from typing import Any

from netvet.capture.keras_contract import entering
from netvet.capture.keras_forward import leaves_of
from netvet.capture.keras_losses import site_name
from netvet.capture.keras_training import Training
from netvet.capture.recorder import Recorder
from netvet.capture.site import Site
from netvet.capture.summaries import place

# Names under which Keras gives the share of samples that are predicted right.
_ACCURACY = ("accuracy", "acc", "binary_accuracy", "sparse_categorical_accuracy", "categorical_accuracy")
MAX_RECORDS = 400
# Batches of an evaluation of which single samples are looked at.
MAX_BATCHES = 2_000


class Evaluations:
    """Evaluation passes of all models of a run."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._records: list[dict[str, Any]] = []
        self._passes: dict[str, int] = {}
        self._open: dict[str, Any] | None = None
        self.scores: dict[str, float] = {}

    @property
    def inside(self) -> bool:
        """The evaluation that goes on is one of validation data within `fit`."""
        return bool(self._open is not None and self._open["_inside"])

    def begin(self, step: int, model: Any, site: Site | None, *, inside: bool) -> None:
        """An evaluation begins. `inside`: within `fit`, on validation data."""
        # An evaluation at the end of the program has a line of its own, and so a series of its own.
        self._open = {"step": step, "model": type(model).__name__, **place(site), "batches": 0, "samples": 0}
        self._open |= {"phase": "eval", "mode_before": None, "mode_after": None, "_site": site_name(site)}
        self._open["_first"] = self._open["_site"] not in self._passes
        self._open["_inside"] = inside

    def batch(self, training: Training | None, batch: Any) -> None:
        """One batch of it."""
        now = self._open
        if now is None:
            return
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        first = next(iter(leaves_of(x)), None)
        size = int(first.shape[0]) if first is not None and len(first.shape) else 0
        now["batches"] += 1
        now["samples"] += size
        now["last_batch"] = size
        now.setdefault("first_batch", size)
        if training is not None and now["_first"] and now["batches"] <= MAX_BATCHES:
            self._samples(training, batch, now)

    def _samples(self, training: Training, batch: Any, now: dict[str, Any]) -> None:
        inputs = training.arrays(batch[0] if isinstance(batch, (tuple, list)) else batch)
        targets = training.arrays(batch[1]) if isinstance(batch, (tuple, list)) and len(batch) > 1 else []
        if now["_inside"] or not training.samples.held.prints:
            training.inputs.add(now["step"], "eval", inputs, training.fit_site, None)
        if now["_inside"]:
            training.samples.held.add(inputs, targets[0] if len(targets) == 1 else None)
        for contract in training.contracts:
            pair = entering(contract, batch[1], training.outputs, training.paths) if targets else None
            if pair is not None:
                given = training.losses.entry(contract, site_name(training.site), "eval")
                given.target = given.target or {
                    "site": given.site, "phase": "eval", "outputs": _outputs(training, contract.output, given.site),
                    "kind": _kind(training, given.site), "dtype": str(pair[1].dtype),
                }  # fmt: skip
                training.losses.targets(given, training.arrays(pair[1])[0], pair[0])

    def end(self, logs: dict[str, Any]) -> None:
        """It has ended, with these results."""
        now, self._open = self._open, None
        if now is None or not now["batches"]:
            return
        site = now.pop("_site")
        inside = now.pop("_inside")
        now.pop("_first")
        self._passes[site] = self._passes.get(site, 0) + 1
        numbers = {name: float(value) for name, value in logs.items() if _is_number(value)}
        loss = numbers.get("loss")
        accuracy = next((numbers[name] for name in _ACCURACY if name in numbers), None)
        if loss is not None and math.isfinite(loss):
            self._recorder.value(now["step"], "val_loss", loss, site)
        if accuracy is not None:
            self._recorder.value(now["step"], "val_accuracy", accuracy, site)
        if inside or "accuracy" not in self.scores:
            self.scores = numbers | ({"accuracy": accuracy} if accuracy is not None else {})
        now |= {"loss": loss, "accuracy": accuracy, "loss_site": site, "scored": "loss", "repeats": 1}
        now |= {"dropout_active": False, "batch_norm_active": False, "buffers_changed": [], "parameters_changed": []}
        if len(self._records) < MAX_RECORDS:
            self._records.append(now)

    def report(self) -> None:
        """Write all records."""
        if self._records:
            self._recorder.facts("evaluations", self._records)


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _outputs(training: Training, output: str | None, site: str) -> Any:
    given = training.losses.given.get((site, "train"))
    return given.target.get("outputs") if given is not None else None


def _kind(training: Training, site: str) -> Any:
    given = training.losses.given.get((site, "train"))
    return given.target.get("kind") if given is not None else None
