"""What the trained model says of samples it was not trained with, one by one. Records `held_out_predictions`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as functional

from netvet.capture.torch_ablation import AblationCollector, Trained, loss_of
from netvet.capture.torch_copies import copies_at_work
from netvet.capture.torch_events import LossCall, Session
from netvet.capture.torch_fingerprints import fingerprints
from netvet.capture.torch_held_out_scores import classification, regression
from netvet.capture.torch_reservoir import Kept
from netvet.capture.torch_shown import shown
from netvet.capture.torch_tensors import CLASS_LOSSES, class_probabilities, predicted_numbers

MAX_BATCH, MIN_SAMPLES = 64, 16
# A large model is asked about fewer samples.
MAX_SECONDS = 5.0
MAX_WORST, MAX_BYTES = 16, 24_576
MAX_CLASSES, MAX_OUTPUTS = 10_000, 64

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answers:
    """What was said of samples: the loss of each, and its classes or numbers where it has some.

    Attributes:
        losses: [samples].
        probabilities, labels: [samples, classes] and [samples].
        predicted, targets: [samples, outputs].
        rows: of the samples among those that were kept [samples].
    """

    losses: Floats
    probabilities: Floats | None = None
    labels: Labels | None = None
    predicted: Floats | None = None
    targets: Floats | None = None
    rows: Labels | None = None

    @classmethod
    def joined(cls, parts: list[Answers]) -> Answers:
        """All parts, one after the other."""
        fields = ("losses", "probabilities", "labels", "predicted", "targets")
        found: dict[str, Any] = {}
        for name in fields:
            some = [value for part in parts if (value := getattr(part, name)) is not None]
            found[name] = np.concatenate(some) if len(some) == len(parts) else None
        return cls(**found)


class HeldOutCollector:
    """Records `held_out_predictions`."""

    part = "held-out predictions"

    def __init__(self, session: Session) -> None:
        self._session = session

    def on_finish(self, _ended: str) -> None:
        source: AblationCollector = self._session.options["trained"]
        found, recorder = source.trained(), self._session.recorder
        if found is None:
            recorder.missing("held_out_predictions", source.reason)
            return
        try:
            with copies_at_work(self._session, [found.model]), torch.no_grad():
                answers = ask(found)
        except Exception as error:  # whatever a user's model does when called once more
            reason = f"calling a copy of the model raised {type(error).__name__}: {error}"
            recorder.missing("held_out_predictions", reason)
            return
        recorder.facts("held_out_predictions", [record_of(found, answers)])


def ask(found: Trained) -> Answers:
    """The trained model's answers to as many of the kept samples as there is time for."""
    model, chosen = found.model.eval(), distinct(found.kept)
    size = max(2, min(found.kept.batch, MAX_BATCH))
    parts: list[Answers] = []
    began = perf_counter()
    for start in range(0, len(chosen), size):
        rows = torch.from_numpy(chosen[start : start + size])
        parts.append(answers_of(loss_of(model, found.kept, found.sink, rows, rows)))
        if perf_counter() - began > MAX_SECONDS and start + size >= MIN_SAMPLES:
            break
    return replace(Answers.joined(parts), rows=chosen[: sum(len(part.losses) for part in parts)])


def distinct(kept: Kept) -> Labels:
    """Rows of the kept samples, each once: an evaluation may have been made again and again."""
    targets = [] if kept.targets is None else [kept.targets]
    rows = [tensor[: kept.count].reshape(kept.count, -1) for tensor in (*kept.inputs.values(), *targets)]
    return np.sort(np.unique(fingerprints(rows), return_index=True)[1])


def answers_of(event: LossCall) -> Answers:
    """Losses, and probabilities or numbers, of the samples of one loss call."""
    arguments = dict(event.arguments) | {"reduction": "none"}
    each = getattr(functional, event.function)(**arguments)
    size = event.input.shape[0]
    losses = each.double().reshape(size, -1).mean(1).cpu().numpy()
    target, scores = event.target, event.input.double()
    binary = event.function in ("binary_cross_entropy", "binary_cross_entropy_with_logits")
    if binary and scores.numel() == size == target.numel() and bool(((target == 0) | (target == 1)).all()):
        positive = (scores.sigmoid() if event.function.endswith("logits") else scores).reshape(-1)
        both = torch.stack([1 - positive, positive], 1)
        return Answers(losses, both.cpu().numpy(), target.reshape(-1).long().cpu().numpy())
    if event.function in CLASS_LOSSES and scores.dim() == 2 and 2 <= scores.shape[1] <= MAX_CLASSES:
        labels = target.argmax(1) if target.shape == scores.shape else target
        return Answers(losses, class_probabilities(scores).cpu().numpy(), labels.long().cpu().numpy())
    numbers = predicted_numbers(event)
    if numbers is not None and numbers.shape == target.shape and numbers.numel() <= MAX_OUTPUTS * size:
        pair = (numbers, target) if not numbers.is_complex() else ()
        return Answers(losses, None, None, *(t.double().reshape(size, -1).cpu().numpy() for t in pair))
    return Answers(losses)


def record_of(found: Trained, answers: Answers) -> dict[str, Any]:
    """The record of all answers."""
    record: dict[str, Any] = {
        "site": found.sink.site, "split": found.split, "step": found.step, "loss": found.sink.function,
        "samples": len(answers.losses), "task": "other",
    }  # fmt: skip
    ignored = found.sink.arguments.get("ignore_index")
    if answers.probabilities is not None and answers.labels is not None:
        known = np.isfinite(answers.probabilities).all(1) & (answers.labels >= 0)
        known &= answers.labels != ignored if ignored is not None else True
        # Scores of a margin loss are no probabilities.
        calibrated = found.sink.function != "multi_margin_loss"
        # Of one class there is nothing to confuse: one half of what a GAN's discriminator sees, say.
        if len(np.unique(answers.labels[known])) > 1:
            record |= {"task": "classification"}
            record |= classification(answers.probabilities[known], answers.labels[known], calibrated=calibrated)
    elif answers.predicted is not None and answers.targets is not None:
        record |= {"task": "regression"} | regression(answers.predicted, answers.targets)
    return record | {"worst": worst(found, answers)}


def worst(found: Trained, answers: Answers) -> dict[str, Any]:
    """The samples with the highest losses: what they are, what was said of them."""
    finite = np.where(np.isfinite(answers.losses), answers.losses, np.inf)
    rows = np.argsort(-finite, kind="stable")[:MAX_WORST]
    chosen = torch.from_numpy(rows if answers.rows is None else answers.rows[rows])
    told: dict[str, Any] = {"losses": [_number(v) for v in answers.losses[rows]]}
    if answers.probabilities is not None and answers.labels is not None:
        few = answers.probabilities[rows]
        told |= {"labels": answers.labels[rows].tolist(), "predicted": few.argmax(1).tolist()}
        told["probability"] = [_number(v) for v in few.max(1)]
    elif answers.predicted is not None and answers.targets is not None:
        told["labels"] = [_number(v) for v in answers.targets[rows, 0]]
        told["predicted"] = [_number(v) for v in answers.predicted[rows, 0]]
    return told | shown({name: tensor[chosen] for name, tensor in found.kept.inputs.items()}, MAX_BYTES)


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None
