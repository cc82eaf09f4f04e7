"""What losses compare, from the looks: records `losses` and `targets`, and the series beside them."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netvet.capture.arrays import Array, Moments, share_of_distributions, share_of_log_distributions, summary
from netvet.capture.jax_events import Look, Session
from netvet.capture.jax_losses import LossFound
from netvet.capture.jax_training import Place
from netvet.capture.label_order import distinct, order_of, order_of_numbers
from netvet.capture.site import Site

MAX_CLASSES = 1_000
# Batches kept for the order of the targets.
MAX_BATCHES, MAX_LABELS, MAX_COLUMNS = 2_000, 200_000, 8
# A loss is its one loss function where other terms (weight decay) make no more of it than this share.
NEAR = 0.3
# A loss that is minus its loss function, within rounding; other terms would leave another share.
NEGATED = 1e-4
CLASS_LOSSES = ("cross_entropy", "nll_loss")
BINARY_LOSSES = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
_KINDS = {"soft_margin_loss": "binary", "kl_div": "probabilities", **dict.fromkeys(DISTANCES, "regression")}


@dataclass(slots=True)
class _Seen:
    record: dict[str, Any]
    calls: int = 0
    values: list[float] = field(default_factory=list)
    sums: dict[str, list[float]] = field(default_factory=dict)
    target: Moments = field(default_factory=Moments)
    given: Moments = field(default_factory=Moments)
    labels: list[Array] = field(default_factory=list)
    numbers: list[Array] = field(default_factory=list)
    kept: int = 0
    counts: Array | None = None


class Compared:
    """Records `losses` and `targets`, `train_accuracy`, top shares and spreads."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._seen: dict[tuple[str, str, str], _Seen] = {}

    def hear(self, place: Place, look: Look, step: int) -> None:
        """Take in one look at a training loss."""
        losses: list[LossFound] = look.of.options.get("losses", [])
        total = float(np.asarray(look.loss, dtype=np.float64).mean())
        for number, one in enumerate(losses):
            given, target = look.taps.get(f"given:{number}"), look.taps.get(f"target:{number}")
            value = look.taps.get(f"value:{number}")
            if given is None:
                continue
            wanted = None if target is None else np.asarray(target)
            mean = None if value is None else own_mean(one, np.asarray(given), wanted, np.asarray(value, np.float64))
            seen = self.take(one, np.asarray(given), wanted, mean, step, "train")
            if mean is not None and seen.calls == 1:
                seen.record |= _reduction(mean, total, np.asarray(value), sole=len(losses) == 1)

    def take(
        self, one: LossFound, given: Array, target: Array | None, value: float | None, step: int, phase: str
    ) -> _Seen:
        """Take in what one loss compared at one step."""
        site = str(one.site or "?")
        key = site, one.function, phase
        seen = self._seen.get(key)
        if seen is None:
            seen = self._seen[key] = _Seen(_describe(one, given, target, step, phase, value))
        seen.calls += 1
        if value is not None and np.isfinite(value):
            seen.values.append(value)
        axis = _axis(one, given)
        self._measure(seen, one, given, axis)
        if target is not None:
            self._targets(seen, one, given, target, axis)
        if phase == "train" and target is not None:
            for name, number in measured(one, given, target, axis).items():
                if name in (
                    "train_accuracy",
                    "prediction_top_share",
                    "target_top_share",
                    "prediction_std",
                    "target_std",
                ):
                    self._session.recorder.value(step, name, number, site)
        return seen

    def _measure(self, seen: _Seen, one: LossFound, given: Array, axis: int | None) -> None:
        if given.size == 0 or given.dtype.kind not in "fV":
            return
        found = {
            "in_unit_interval": float(((given >= 0) & (given <= 1)).all()),
            "positive_share": float((given > 0).mean()),
        }
        if axis is not None and given.shape[axis] > 1:
            found["rows_sum_to_one"] = share_of_distributions(given, axis)
            found["rows_are_log_probabilities"] = share_of_log_distributions(given, axis)
        for name, number in found.items():
            seen.sums.setdefault(name, []).append(number)
        seen.given.add(given)

    def _targets(self, seen: _Seen, one: LossFound, given: Array, target: Array, axis: int | None) -> None:
        found = classes_of(one, target, axis)
        seen.target.add(target if found is None else found)
        if found is not None:
            whole = found.reshape(-1).astype(np.int64)
            if len(seen.labels) < MAX_BATCHES and seen.kept < MAX_LABELS and whole.size:
                seen.labels.append(whole)
                seen.kept += whole.size
        elif one.function in DISTANCES and target.ndim and target.size and seen.kept < MAX_LABELS:
            rows = target.reshape(len(target), -1).astype(np.float64)
            if rows.shape[1] <= MAX_COLUMNS and len(seen.numbers) < MAX_BATCHES:
                seen.numbers.append(rows)
                seen.kept += rows.size

    def losses(self) -> list[dict[str, Any]]:
        """Records of the signal `losses`; a minus sign is told once it is known that the program goes downhill."""
        records = [_loss_record(seen) for seen in self._seen.values()]
        if self._session.options["training"].ascends() is None:
            for record in records:
                if record.get("factor") == -1.0:
                    record |= {"factor": None, "share": None, "reduction": "none"}
        return records

    def targets(self) -> list[dict[str, Any]]:
        """Records of the signal `targets`."""
        return [_target_record(seen) for seen in self._seen.values() if seen.target.n]

    def kept(self, phase: str) -> list[Array]:
        """Labels of the batches that were seen."""
        return [b for (_, _, p), seen in self._seen.items() if p == phase for b in seen.labels]


def own_mean(one: LossFound, given: Array, target: Array | None, value: Array) -> float | None:
    """The mean of what a loss function gives for each sample; None where its arithmetic does not tell.

    Args:
        value: what the function gave; of log-probabilities, all of them.
    """
    if one.function in CLASS_LOSSES and value.shape == given.shape and target is not None and value.ndim:
        if one.labels and target.shape == (*value.shape[:-1], 1):  # as `take_along_axis` wants them
            target = target[..., 0]
        if one.labels and target.shape == value.shape[:-1]:
            whole = np.clip(target[..., None].astype(np.int64), 0, value.shape[-1] - 1)
            return float(-np.take_along_axis(value, whole, -1).mean())
        return float(-(target * value).sum(-1).mean()) if target.shape == value.shape else None
    if one.function == "binary_cross_entropy" and target is not None and target.shape == given.shape:
        p = np.clip(given.astype(np.float64), 1e-12, 1 - 1e-12)
        return float(-(target * np.log(p) + (1 - target) * np.log(1 - p)).mean())
    return float(value.mean()) if value.size and one.function != "binary_cross_entropy" else None


def _reduction(mean: float, total: float, value: Array, *, sole: bool) -> dict[str, Any]:
    """How a loss function enters the loss: as its mean, beside little else, or as a sum."""
    if abs(total - mean) <= NEAR * abs(mean):
        return {"reduction": "mean", "share": mean / total if total else None, "factor": 1.0}
    if sole and mean and abs(total + mean) <= NEGATED * abs(mean):
        return {"reduction": "mean", "share": 1.0, "factor": -1.0}
    if not sole:
        return {"share": mean / total if total else None}
    whole = mean * value.size
    return {"reduction": "sum" if abs(total - whole) <= NEAR * abs(whole) else "none"}


def place(site: Site | None, prefix: str = "") -> dict[str, Any]:
    """`file` and `line` of a record."""
    return {f"{prefix}file": site.file if site else None, f"{prefix}line": site.line if site else None}


def _axis(one: LossFound, given: Array) -> int | None:
    return None if one.axis is None or given.ndim == 0 else one.axis % given.ndim


def _describe(
    one: LossFound, given: Array, target: Array | None, step: int, phase: str, value: float | None
) -> dict[str, Any]:
    axis = _axis(one, given)
    classes = int(given.shape[axis]) if axis is not None else None
    dim = one.dim
    if dim is not None and axis is not None:  # PyTorch has the classes on axis 1
        dim = 1 if dim == axis else 0 if dim == 0 else dim + 1
    return {
        "site": str(one.site or "?"), **place(one.site), "function": one.function, "phase": phase, "first_step": step,
        "input": summary(given), "target": None if target is None else summary(target), "reduction": "mean",
        "weight": None, "pos_weight": None, "label_smoothing": None, "ignore_index": None, "first_value": value,
        "classes": classes, "broadcast": one.broadcast, "feeds_backward": phase == "train",
        "in_training_step": phase == "train", "input_requires_grad": phase == "train", "target_requires_grad": False,
        "batch": int(given.shape[0]) if given.ndim else None, "own_target": False, "input_op": one.op,
        "input_dim": dim, "input_reshaped": False, **place(one.op_site, "input_"),
    }  # fmt: skip


def classes_of(one: LossFound, target: Array, axis: int | None) -> Array | None:
    """Class numbers of the targets; None where they are none."""
    if one.function in CLASS_LOSSES:
        if one.labels or (target.dtype.kind in "iu" and axis is not None):
            return target
        if axis is not None and target.ndim and ((target == 0) | (target == 1)).all() and (target.sum(-1) == 1).all():
            found: Array = target.argmax(-1)
            return found
        return None
    if one.function in BINARY_LOSSES and bool(((target == 0) | (target == 1)).all()):
        return target
    return None


def measured(one: LossFound, given: Array, target: Array, axis: int | None) -> dict[str, float]:
    """Accuracy and top shares of a batch with classes; spreads of one with numbers."""
    wanted = classes_of(one, target, axis)
    if wanted is not None and one.function in CLASS_LOSSES and axis is not None:
        guess = given.argmax(axis)
        if guess.shape != wanted.shape:
            return {}
        return _shares(guess.reshape(-1), wanted.reshape(-1))
    if wanted is not None and one.function in BINARY_LOSSES and given.size == wanted.size:
        limit = 0.0 if one.function.endswith("logits") and one.op != "sigmoid" else 0.5
        return _shares((given > limit).astype(np.int64).reshape(-1), wanted.reshape(-1))
    if one.function in DISTANCES and given.ndim and len(given) > 1:
        wide, other = given.reshape(len(given), -1).astype(np.float64), target.reshape(len(target), -1)
        return {
            "prediction_std": float(np.sqrt(wide.var(0).mean())),
            "target_std": float(np.sqrt(other.astype(np.float64).var(0).mean())),
        }
    return {}


def _shares(guess: Array, wanted: Array) -> dict[str, float]:
    if not guess.size:
        return {}
    whole = wanted.astype(np.int64)
    return {
        "train_accuracy": float((guess == whole).mean()),
        "prediction_top_share": float(np.unique(guess, return_counts=True)[1].max()) / guess.size,
        "target_top_share": float(np.unique(whole, return_counts=True)[1].max()) / whole.size,
    }


def _counts(seen: _Seen, size: int) -> list[int] | None:
    if not seen.labels or size > MAX_CLASSES:
        return None
    everything = np.concatenate(seen.labels)
    inside = everything[(everything >= 0) & (everything < size)]
    return [int(c) for c in np.bincount(inside, minlength=size)]


def _loss_record(seen: _Seen) -> dict[str, Any]:
    record = dict(seen.record)
    record |= {
        "calls": seen.calls,
        "value_min": min(seen.values, default=None),
        "value_max": max(seen.values, default=None),
    }
    for name in ("rows_sum_to_one", "rows_are_log_probabilities", "positive_share"):
        record[name] = statistics.fmean(seen.sums[name]) if name in seen.sums else None
    inside = seen.sums.get("in_unit_interval")
    record["in_unit_interval"] = all(inside) if inside else None
    record["counts"] = _counts(seen, 2 if record["function"] in BINARY_LOSSES else record["classes"] or 0)
    return record


def _target_record(seen: _Seen) -> dict[str, Any]:
    loss, moments = seen.record, seen.target
    kind = _KINDS.get(loss["function"])
    if loss["function"] in CLASS_LOSSES:
        shape = loss["input"]["shape"]
        kind = ("sequence" if len(shape) > 2 else "classes") if seen.labels else "probabilities"
    elif loss["function"] in BINARY_LOSSES:
        kind = "probabilities" if not seen.labels else "binary" if _outputs(loss) == 1 else "multilabel"
    record: dict[str, Any] = {
        "site": loss["site"], "phase": loss["phase"], "kind": kind, "outputs": loss["classes"],
        "dtype": (loss["target"] or {}).get("dtype"), "min": moments.low, "max": moments.high, "mean": moments.mean,
        "std": moments.std, "samples": moments.n,
    }  # fmt: skip
    if seen.given.n:
        first = loss["input"]
        record |= {f"output_{k}": first.get(k) for k in ("mean", "std", "min", "max")}
    if seen.numbers and loss["phase"] == "train":
        record |= order_of_numbers(distinct(seen.numbers))
    if seen.labels:
        everything = np.concatenate(seen.labels)
        if everything.min() >= 0 and everything.max() < MAX_CLASSES:
            size = max(int(everything.max()) + 1, 2 if kind == "binary" else int(loss["classes"] or 0))
            counts = np.bincount(everything, minlength=size)
            shares = counts[counts > 0] / counts.sum()
            record |= {"counts": counts.tolist(), "classes_seen": len(shares)}
            record["entropy"] = float(-(shares * np.log(shares)).sum())
            if loss["phase"] == "train" and kind in ("classes", "binary"):
                record |= order_of(distinct(seen.labels))
    return record


def _outputs(loss: dict[str, Any]) -> int:
    shape = loss["input"]["shape"]
    return int(shape[-1]) if len(shape) > 1 else 1
