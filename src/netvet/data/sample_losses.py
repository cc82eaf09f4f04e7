"""The loss of each training sample over the training, and what share of it samples with a data fault have.

Dataset cartography after Swayamdipta et al. (Dataset cartography, EMNLP 2020): the mean over the training of the
probability that the model gives to the label is the confidence, its standard deviation the variability; samples of low
confidence and low variability are those often mislabelled. Unlike there, the model is asked in evaluation mode.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional

from netvet.capture.torch_reservoir import Slot, filled
from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_snapshots import Snapshots
from netvet.capture.torch_tensors import tensors_in
from netvet.core import Record
from netvet.data.faults import NotAssessable
from netvet.data.readers.torch_data import TorchData

MAX_SAMPLES, BATCH, WORST = 20_000, 256, 10
# Fewer moments say nothing about how a loss has moved.
MIN_MOMENTS = 3
# A loss has never fallen if it was always above this share of what it was at first; asked where the mean has halved.
FELL, HALVED = 0.9, 0.5

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Way:
    """From a sample to the model and its loss.

    Args:
        slots: argument of the model -> part of a batch, and its type on arrival.
        target: part of a batch; `target_type`, `target_shape`: of one sample's, as the loss took it.
    """

    slots: Mapping[str, tuple[str, torch.dtype]]
    target: str
    target_type: torch.dtype
    target_shape: tuple[int, ...]


@dataclass(frozen=True)
class Losses:
    """Of n samples at m moments: loss, and probability of the label (NaN where there is none). [m, n]."""

    keys: tuple[str, ...]
    labels: npt.NDArray[Any]
    steps: tuple[int, ...]
    loss: Floats
    probability: Floats


def measured(source: TorchData, split: str, way: Way, snapshots: Snapshots, seconds: float) -> Losses:
    """Ask the model, as it was at each moment, about each sample of a split.

    Raises:
        NotAssessable: it cannot be asked.
    """
    if snapshots.model is None or snapshots.sink is None:
        raise NotAssessable(snapshots.reason)
    if not _slots_in(snapshots.sink.call) <= set(way.slots):
        raise NotAssessable("some arguments of the model are no parts of a batch of the loader")
    steps, end = sorted(snapshots.moments), perf_counter() + seconds
    keys: list[str] = []
    parts: list[tuple[Floats, Floats]] = []
    labels: list[float] = []
    for names, columns in source.samples(split, BATCH):
        try:
            with forked_rng(), torch.no_grad():
                parts.append(_asked(columns, way, snapshots, steps))
        except Exception as error:  # whatever a user's model does when it is called once more
            told = f"{type(error).__name__}: {error}"
            raise NotAssessable(f"calling a copy of the model raised {told}") from error
        keys += names
        labels += [float(one[way.target].reshape(-1)[0]) if one[way.target].numel() == 1 else math.nan
                   for one in columns]  # fmt: skip
        if len(keys) >= MAX_SAMPLES or perf_counter() > end:
            break
    if not parts:
        raise NotAssessable("no sample was read")
    loss, probability = (np.concatenate([p[i] for p in parts], axis=1) for i in range(2))
    if not np.isfinite(loss[-1]).all():
        raise NotAssessable("the loss at the end of the run is not finite")
    return Losses(tuple(keys), np.array(labels), tuple(steps), loss, probability)


def _slots_in(value: Any) -> set[str]:
    found: set[str] = set()

    def note(slot: Slot) -> torch.Tensor:
        found.add(slot.name)
        return torch.zeros(0)

    filled(value, note)
    return found


def _asked(
    columns: Sequence[Mapping[str, torch.Tensor]], way: Way, snapshots: Snapshots, steps: Sequence[int]
) -> tuple[Floats, Floats]:
    assert snapshots.model is not None
    assert snapshots.sink is not None
    sink = snapshots.sink

    def rows(slot: Slot) -> torch.Tensor:
        name, dtype = way.slots[slot.name]
        return torch.stack([one[name].cpu() for one in columns]).to(dtype)

    args, kwargs = filled(sink.call, rows)
    targets = torch.stack([one[way.target].cpu().reshape(way.target_shape) for one in columns]).to(way.target_type)
    losses, probabilities = [], []
    for step in steps:
        output = torch.func.functional_call(snapshots.model, snapshots.moments[step], args, kwargs)
        scores = list(tensors_in(output))[sink.output].reshape(len(columns), *sink.tail).float()
        plain = {k: v.cpu() if isinstance(v, torch.Tensor) else v for k, v in sink.arguments.items()}
        loss = getattr(functional, sink.function)(scores, targets, **{**plain, "reduction": "none"})
        losses.append(loss.reshape(len(columns), -1).mean(1).double().numpy())
        probabilities.append(_probability(sink.function, scores, targets).double().numpy())
    return np.stack(losses), np.stack(probabilities)


def _probability(function: str, scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """What the model gives to the label of each sample; NaN for other losses."""
    if function in ("cross_entropy", "nll_loss") and scores.dim() == 2 and not targets.is_floating_point():
        logs = scores if function == "nll_loss" else scores.log_softmax(1)
        return logs.gather(1, targets.clamp(min=0)[:, None])[:, 0].exp()
    if function.startswith("binary_cross_entropy") and scores.numel() == len(scores):
        positive = scores.sigmoid() if function.endswith("logits") else scores
        return torch.where(targets.reshape(-1) > 0.5, positive.reshape(-1), 1 - positive.reshape(-1))
    return torch.full((len(scores),), math.nan)


def record(losses: Losses, split: str) -> Record:
    """The record of the signal `sample_losses`."""
    last, several = losses.loss[-1], len(losses.steps) >= MIN_MOMENTS
    known = bool(np.isfinite(losses.probability).all())
    worst = np.argsort(-last, kind="stable")[:WORST].tolist()
    never = np.flatnonzero(never_fell(losses.loss)) if several else np.zeros(0, np.int64)
    fell = several and float(last.mean()) <= HALVED * float(losses.loss[0].mean())
    return {
        "split": split, "samples": len(losses.keys), "steps": list(losses.steps), "mean": losses.loss.mean(1).tolist(),
        "keys": list(losses.keys), "losses": np.round(last, 5).tolist(),
        "confidence": np.round(losses.probability.mean(0), 4).tolist() if known and several else None,
        "variability": np.round(losses.probability.std(0), 4).tolist() if known and several else None,
        "worst": [_sample(losses, i, known) for i in worst],
        "never_fell": len(never) if fell else None,
        "never_fell_loss": share(last, never) if fell else None,
        "never_fell_examples": [_sample(losses, i, known) for i in never[:WORST].tolist()] if fell else [],
        "classes": _classes(losses) if known else [],
    }  # fmt: skip


def never_fell(loss: Floats) -> npt.NDArray[np.bool_]:
    """Which samples had at each later moment (almost) the loss that they had at the first. [m, n] -> [n]."""
    found: npt.NDArray[np.bool_] = loss[1:].min(0) >= FELL * loss[0]
    return found


def share(losses: Floats, chosen: npt.NDArray[Any]) -> float | None:
    """Share of the whole loss that some samples have; None where there is no loss, or some are negative."""
    total = float(losses.sum())
    return float(losses[chosen].sum()) / total if total > 0 and float(losses.min()) >= 0 else None


def _sample(losses: Losses, i: int, known: bool) -> Record:
    probability = float(losses.probability[-1, i]) if known else None
    return {"key": losses.keys[i], "target": float(losses.labels[i]), "loss": float(losses.loss[-1, i]),
            "probability": probability}  # fmt: skip


def _classes(losses: Losses) -> list[Record]:
    """Samples, mean loss and share of the loss of each class, those with the highest mean first."""
    found, last = [], losses.loss[-1]
    for label in np.unique(losses.labels[np.isfinite(losses.labels)]).tolist():
        chosen = np.flatnonzero(losses.labels == label)
        found.append({"label": int(label), "samples": len(chosen), "mean": float(last[chosen].mean()),
                      "share": share(last, chosen)})  # fmt: skip
    return sorted(found, key=lambda one: -float(one["mean"]))


def explains(sample_losses: Record, keys: Sequence[str]) -> tuple[float, float] | None:
    """How much of a symptom samples with a data fault are: their share of the samples, and of the final loss.

    Args:
        sample_losses: a record of the signal; `keys`: of the samples with the fault.

    Returns:
        None where none of them were asked about, or the losses cannot be added up.
    """
    places = {key: i for i, key in enumerate(sample_losses["keys"])}
    chosen = np.array(sorted({places[key] for key in keys if key in places}), dtype=np.int64)
    part = share(np.array(sample_losses["losses"]), chosen) if len(chosen) else None
    return None if part is None else (len(chosen) / len(places), part)


def told(sample_losses: Record, signals: Mapping[str, Sequence[Record]]) -> list[str]:
    """One line for each data fault whose samples have far more of the loss than their number.

    Args:
        signals: by name, records with `examples` that have a `key`, and the `split`.
    """
    lines = []
    for name, what in FAULTS.items():
        found = [e for r in signals.get(name, ()) if r.get("split") == sample_losses["split"] for e in r["examples"]]
        parts = explains(sample_losses, [str(e["key"]) for e in found if "key" in e])
        if parts is not None and parts[1] >= TELLING * parts[0]:
            lines.append(
                f"{what} ({len(found)} shown) are {parts[0]:.1%} of the {sample_losses['split']} samples asked about "
                f"and {parts[1]:.0%} of the final loss"
            )
    return lines


# Signals with samples that are suspected of a fault. A fault explains a loss if its share is so many times its number.
FAULTS = {
    "label_suspects": "suspected labels", "label_conflicts": "conflicting labels", "outliers": "outliers",
    "data_problems": "unusable samples",
}  # fmt: skip
TELLING = 3.0
