"""What the losses of a compiled Keras model are given. Records `losses`, `targets` and the series beside them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from netvet.capture.keras_backends import Array
from netvet.capture.keras_contract import (
    BINARY,
    CLASSIFYING,
    Contract,
    classes_of,
    labels_of,
    predicted_labels,
    task_of,
)  # fmt: skip
from netvet.capture.keras_producers import Producer
from netvet.capture.label_order import distinct, order_of, order_of_numbers
from netvet.capture.recorder import Recorder
from netvet.capture.site import Site
from netvet.capture.summaries import place, summary

MAX_BATCHES, MAX_LABELS, MAX_COLUMNS, MAX_CLASSES = 2_000, 200_000, 8, 1_000
# Rows of probabilities sum to one within rounding: 50,000 float32 classes stay below 1e-4, half precision does not.
ROUNDING = 1e-4
# Training batches whose score stands for the end of the training.
RECENT = 10
Phase = Literal["train", "eval"]


@dataclass(slots=True)
class Given:
    """What one loss was given in one phase, over the run."""

    contract: Contract
    site: str
    phase: Phase
    record: dict[str, Any] = field(default_factory=dict)
    target: dict[str, Any] = field(default_factory=dict)
    sums: dict[str, list[float]] = field(default_factory=dict)
    counts: npt.NDArray[np.int64] | None = None
    batches: list[Array] = field(default_factory=list)
    numbers: list[Array] = field(default_factory=list)
    moments: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0, np.inf, -np.inf])
    kept: int = 0
    looked: int = 0
    recent: dict[str, deque[float]] = field(default_factory=dict)


class Losses:
    """All losses of one model."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.given: dict[tuple[str, Phase], Given] = {}

    def entry(self, contract: Contract, site: str, phase: Phase) -> Given:
        """What is known of one loss in one phase."""
        name = f"{site} ({contract.output})" if contract.output else site
        key = (name, phase)
        if key not in self.given:
            self.given[key] = Given(contract, name, phase)
        return self.given[key]

    def targets(self, given: Given, target: Array, output_like: Array) -> None:
        """Take in the targets of a batch. `output_like` has the shape of the output."""
        labels = labels_of(given.contract, output_like, target)
        values = (target if labels is None else labels).astype(np.float64).reshape(-1)
        values = values[np.isfinite(values)]
        if len(values):
            n, total, squares, low, high = given.moments
            given.moments = [
                n + len(values), total + float(values.sum()), squares + float((values * values).sum()),
                min(low, float(values.min())), max(high, float(values.max())),
            ]  # fmt: skip
        if len(given.batches) + len(given.numbers) >= MAX_BATCHES or given.kept >= MAX_LABELS:
            return
        if labels is not None and len(labels):
            given.batches.append(labels)
            given.kept += len(labels)
        elif labels is None and target.ndim and target[0].size <= MAX_COLUMNS:
            given.numbers.append(target.reshape(len(target), -1).astype(np.float64))
            given.kept += target.size

    def look(self, step: int, given: Given, output: Array, target: Array, value: float, producer: Producer) -> None:
        """Take in one batch with what the model made of it."""
        contract = given.contract
        if not given.record:
            given.record = _described(given, output, target, value, step, producer)
            given.target = _target_described(given, output, target)
        given.looked += 1
        for name, share in ({} if producer.taken_back else _shares(contract, output)).items():
            given.sums.setdefault(name, []).append(share)
        self._count(given, output, target)
        if given.phase == "train":
            for name, number in measured(contract, output, target).items():
                given.recent.setdefault(name, deque(maxlen=RECENT)).append(number)
                if name != "r2":
                    self._recorder.value(step, name, number, given.site)

    @staticmethod
    def _count(given: Given, output: Array, target: Array) -> None:
        labels, classes = labels_of(given.contract, output, target), classes_of(given.contract, output)
        if labels is None or classes is None or classes > MAX_CLASSES or not len(labels):
            return
        classes = 2 if given.contract.function in BINARY else classes
        if labels.min() >= 0 and labels.max() < classes:
            counts = np.bincount(labels, minlength=classes)
            given.counts = counts if given.counts is None else given.counts + counts

    def report(self, calls: int) -> None:
        """Write all records. `calls`: of the training so far."""
        known = [g for g in self.given.values() if g.record]
        if known:
            self._recorder.facts("losses", [_result(g, calls) for g in known])
        seen = [_target_result(g) for g in self.given.values() if g.target]
        if seen:
            self._recorder.facts("targets", seen)


def _shares(contract: Contract, output: Array) -> dict[str, float]:
    """What the values that enter the loss are like."""
    inside = (output >= 0) & (output <= 1)
    found = {"in_unit_interval": float(inside.all()), "positive_share": float((output > 0).mean())}
    found["outside_share"] = float(1 - inside.mean())
    if output.ndim > 1 and output.shape[-1] > 1 and contract.function not in BINARY:
        right = inside.all(-1) & (np.abs(output.astype(np.float64).sum(-1) - 1) < ROUNDING)
        found["rows_sum_to_one"] = float(right.mean())
        if contract.function == "nll_loss":
            found["rows_are_log_probabilities"] = found["rows_sum_to_one"]  # of the logarithm that Keras takes
    return found


def _described(
    given: Given, output: Array, target: Array, value: float, step: int, producer: Producer
) -> dict[str, Any]:
    contract = given.contract
    return {
        "site": given.site, "function": contract.function, "called": contract.own, "phase": given.phase,
        "takes": "probabilities" if contract.probabilities else None, "first_step": step,
        "input": summary(output), "target": summary(target), "reduction": contract.reduction,
        "weight": None, "pos_weight": None, "label_smoothing": contract.label_smoothing, "ignore_index": None,
        "first_value": value, "classes": classes_of(contract, output),
        "broadcast": False, "feeds_backward": given.phase == "train", "in_training_step": given.phase == "train",
        "input_requires_grad": given.phase == "train", "target_requires_grad": False, "own_target": False,
        "batch": len(output) if output.ndim else None, "share": None, "factor": contract.weight,
        "input_op": producer.op, "input_dim": producer.dim if producer.dim is None else producer.dim % output.ndim,
        "input_reshaped": False, **place(producer.site, "input_"), **place(producer.site, "input_created_"),
    }  # fmt: skip


def _target_described(given: Given, output: Array, target: Array) -> dict[str, Any]:
    wide = output.astype(np.float64)
    return {
        "site": given.site, "phase": given.phase, "kind": task_of(given.contract, output, target),
        "outputs": classes_of(given.contract, output), "dtype": str(target.dtype), "output_mean": float(wide.mean()),
        "output_std": float(wide.std()), "output_min": float(wide.min()), "output_max": float(wide.max()),
    }  # fmt: skip


def _result(given: Given, calls: int) -> dict[str, Any]:
    record = dict(given.record)
    record["calls"] = calls
    for name, shares in given.sums.items():
        record[name] = min(shares) == 1.0 if name == "in_unit_interval" else float(np.mean(shares))
    if given.counts is not None:
        record["counts"] = given.counts.tolist()
    return record


def _target_result(given: Given) -> dict[str, Any]:
    record, (n, total, squares, low, high) = dict(given.target), given.moments
    if n:
        mean = total / n
        std = max(squares / n - mean * mean, 0.0) ** 0.5
        record |= {"min": low, "max": high, "mean": mean, "std": std, "samples": int(n)}
    if given.numbers and given.phase == "train" and record.get("kind") == "regression":
        record |= order_of_numbers(distinct(given.numbers))
    if not given.batches:
        return record
    every = np.concatenate(given.batches)
    if every.min() >= 0 and every.max() < MAX_CLASSES:
        size = max(int(every.max()) + 1, 2 if record["kind"] == "binary" else int(record["outputs"] or 0))
        counts = np.bincount(every, minlength=size)
        shares = counts[counts > 0] / counts.sum()
        record["counts"] = counts.tolist()
        record |= {"classes_seen": len(shares), "entropy": float(-(shares * np.log(shares)).sum())}
        if given.phase == "train" and record["kind"] in ("classes", "binary"):
            record |= order_of(distinct(given.batches))
    return record


def measured(contract: Contract, output: Array, target: Array) -> dict[str, float]:
    """Accuracy and top shares of one batch with classes; stds of one with numbers."""
    found: dict[str, float] = {}
    wanted, said = labels_of(contract, output, target), predicted_labels(contract, output, target)
    if wanted is not None and said is not None and len(wanted) and len(wanted) == len(said):
        found["train_accuracy"] = float((wanted == said).mean())
        found["prediction_top_share"], found["target_top_share"] = _top_share(said), _top_share(wanted)
    elif wanted is None and contract.function not in (*CLASSIFYING, *BINARY) and output.ndim and len(output) > 1:
        for name, array in (("prediction_std", output), ("target_std", target)):
            rows = array.reshape(len(array), -1).astype(np.float64)
            found[name] = float(np.sqrt(rows.var(0).mean()))
        if found["target_std"] and output.size == target.size:
            error = np.square(output.astype(np.float64) - target.reshape(output.shape)).mean()
            found["r2"] = 1.0 - float(error) / found["target_std"] ** 2
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _top_share(labels: npt.NDArray[np.int64]) -> float:
    return float(np.unique(labels, return_counts=True)[1].max()) / len(labels)


def site_name(site: Site | None) -> str:
    """How a call site is named in signals."""
    return str(site or "?")
