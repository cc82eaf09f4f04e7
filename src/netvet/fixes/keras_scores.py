"""The samples that a Keras program evaluates, put to its trained model once more when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netvet.capture.fingerprints import held_out, prints_of
from netvet.capture.keras_contract import Contract, contracts_of
from netvet.capture.keras_training import Training
from netvet.fixes.array_scores import Array, array_scores
from netvet.fixes.measured import Score
from netvet.fixes.recorded import quantity

# Samples of each kind that are kept, and the memory that they may take together.
MAX_SAMPLES, MAX_BYTES = 20_000, 256 * 2**20
# Training samples that score a program which evaluates nothing.
MAX_TRAINED = 4_096
# An evaluation of which more than this share was trained on is none of held-out samples.
TRAINED_ON = 0.5
# Of the trainable and of the other variables.
Values = tuple[Sequence[Array], Sequence[Array]]


@dataclass(slots=True)
class _Kept:
    """Batches as they came, inputs and targets, of one model."""

    limit: int
    batches: list[tuple[Any, Any]] = field(default_factory=list)
    prints: list[Any] = field(default_factory=list)
    samples: int = 0
    bytes: int = 0
    full: bool = False

    def add(self, training: Training, batch: Any) -> None:
        if self.full or not isinstance(batch, (tuple, list)) or len(batch) < 2:
            return
        inputs, targets = training.arrays(batch[0]), training.arrays(batch[1])
        if not inputs or len(targets) != 1 or not inputs[0].ndim:
            self.full = True
            return
        prints = prints_of([a for a in inputs if a.ndim and len(a) == len(inputs[0])])
        if self.prints and np.isin(prints, np.concatenate(self.prints)).mean() > TRAINED_ON:
            self.full = True  # the samples come a second time
            return
        self.batches.append((batch[0], targets[0]))
        self.prints.append(prints)
        self.samples += len(inputs[0])
        self.bytes += sum(a.nbytes for a in (*inputs, *targets))
        self.full = self.samples >= self.limit or self.bytes >= MAX_BYTES

    def apart(self, trained: frozenset[int]) -> _Kept:
        """Without batches of training samples that are scored beside others."""
        kept = held_out(trained, [frozenset(prints.tolist()) for prints in self.prints])
        those = [i for i, one in enumerate(kept) if one]
        prints = [self.prints[i] for i in those]
        return _Kept(self.limit, [self.batches[i] for i in those], prints, sum(map(len, prints)))


class KerasScores:
    """Keeps the first samples of training, of the validation in `fit` and of `evaluate`."""

    def __init__(self, of: Any) -> None:
        self._training_of = of
        self._kept: dict[tuple[int, str], _Kept] = {}

    def told(self, how: str, model: Any, batch: Any) -> None:
        """One batch was heard."""
        training = self._training_of(model)
        if training is not None:
            limit = MAX_TRAINED if how == "train" else MAX_SAMPLES
            self._kept.setdefault((id(model), how), _Kept(limit)).add(training, batch)

    def found(self, training: Training, values: Values) -> tuple[dict[str, Score], dict[str, Any]]:
        """Scores of the model, and what they are of; none where it has several outputs, or a loss of its own.

        Args:
            values: of its trainable and its other variables, at the end.
        """
        contracts = contracts_of(training.model)
        if len(contracts) != 1:
            return {}, {}
        about: dict[str, Any] = {"loss_function": quantity(contracts[0].function)}
        chosen = self._chosen(training)
        if chosen is None:
            return {}, about
        kept, split = chosen
        made = _scored(training, contracts[0], kept, values)
        how = f"the trained model on {kept.samples} {'held-out' if split == 'val' else 'training'} samples"
        about |= {"split": split, "samples": kept.samples, "how": how} if made else {}
        return {name: Score(v, v) for name, v in made.items()}, about

    def _chosen(self, training: Training) -> tuple[_Kept, str] | None:
        """Held-out samples, those of `fit` first; else training samples."""
        of = {how: self._kept.get((id(training.model), how), _Kept(0)) for how in ("fit", "eval", "train")}
        trained = frozenset(one for prints in of["train"].prints for one in prints.tolist())
        for how in ("fit", "eval"):
            kept = of[how].apart(trained)
            shared = [len(trained & set(prints.tolist())) for prints in kept.prints]
            if kept.batches and sum(shared) <= TRAINED_ON * kept.samples:
                return kept, "val"
        return (of["train"], "train") if of["train"].batches else None


def _scored(training: Training, contract: Contract, kept: _Kept, values: Values) -> dict[str, float]:
    outputs, targets = [], []
    for x, target in kept.batches:
        made = training.sandbox.outputs(*values, x, training=False)
        if len(made) != 1:
            return {}
        outputs.append(made[0])
        targets.append(target)
    if len({a.shape[1:] for a in outputs}) > 1 or len({a.shape[1:] for a in targets}) > 1:
        return {}
    logits = not contract.probabilities
    return array_scores(np.concatenate(outputs), np.concatenate(targets), sparse=contract.sparse, logits=logits)
