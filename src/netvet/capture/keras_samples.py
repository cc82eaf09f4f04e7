"""Which samples a Keras model is trained and evaluated on. Records `samples`, `baselines` and `random_labels`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.capture.baselines import MAX_LEARNED, MIN_LEARNED, Problem, baselines_of, random_labels
from netvet.capture.fingerprints import Prints, epoch_length, prints_of, repeats
from netvet.capture.keras_backends import Array
from netvet.capture.keras_contract import Contract, labels_of, task_of
from netvet.capture.learners import Matrix, one_hot, side_by_side
from netvet.capture.recorder import Recorder

MAX_SAMPLES, SECOND_EPOCH = 200_000, 20_000
MAX_EXAMPLES = 10
MAX_OUTPUTS = 64
# Above this share of new samples in the second epoch, samples are augmented: fingerprints cannot match then.
AUGMENTED = 0.5


@dataclass(slots=True)
class Pool:
    """Samples of one split, as they came.

    Attributes:
        prints: of the batches of the first epochs, in order; `targets`: of their targets.
        inputs, wanted: the first samples themselves, with the output shape that the model has for them.
    """

    prints: list[Prints] = field(default_factory=list)
    targets: list[Prints] = field(default_factory=list)
    samples: int = 0
    values: int = 0
    inputs: list[list[Array]] = field(default_factory=list)
    wanted: list[Array] = field(default_factory=list)
    kept: int = 0
    done: bool = False

    def add(self, inputs: list[Array], target: Array | None) -> None:
        """Take in one batch, [samples, ...] each."""
        usable = [a for a in inputs if a.ndim and a.size and len(a) == len(inputs[0])]
        if self.done or not usable:
            return
        self.values = sum(a[0].size for a in usable)
        self.prints.append(prints_of(usable))
        if target is not None and target.ndim and len(target) == len(usable[0]):
            self.targets.append(prints_of([target]))
        self.samples += len(usable[0])
        self.done = self.samples >= MAX_SAMPLES
        if self.kept < 2 * MAX_LEARNED and target is not None and target.ndim and len(target) == len(usable[0]):
            self.inputs.append(usable)
            self.wanted.append(target)
            self.kept += len(usable[0])


class Samples:
    """All samples of the training of one model."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.train, self.held = Pool(), Pool()
        self._epochs: list[int] = []
        self.complete = True

    def epoch(self) -> None:
        """An epoch begins."""
        self._epochs.append(len(self.train.prints))
        later = self._epochs[1:2]
        seen = sum(len(p) for p in self.train.prints[later[0] :]) if later else 0
        self.train.done = self.train.done or len(self._epochs) > 2 or seen >= SECOND_EPOCH

    def gap(self) -> None:
        """Batches will come that are not heard."""
        self.train.done = True
        if len(self._epochs) < 2:
            self.complete = False

    def report(self) -> None:
        """Write the record of `samples`."""
        if self.train.prints:
            self._recorder.facts("samples", [self._described() | self._overlap()])

    def _described(self) -> dict[str, Any]:
        chunks = self.train.prints
        count = self._epochs[1] if len(self._epochs) > 1 else len(chunks)
        complete = self.complete and len(self._epochs) > 0
        if not self._epochs:  # batches that the program itself puts together
            length = epoch_length(chunks)
            complete = length is not None
            count = (
                len(chunks) if length is None else int(np.searchsorted(np.cumsum([len(c) for c in chunks]), length)) + 1
            )
        count = max(count, 1)
        first = np.concatenate(chunks[:count])
        record: dict[str, Any] = {
            "train": len(np.unique(first)), "train_seen": len(first), "complete": complete,
            "granular": self.train.values, "duplicates": None, "duplicate_examples": [], "conflicting": None,
            "same_order": None, "epoch_fresh": None,
        }  # fmt: skip
        if complete:
            pairs = repeats(first)
            record |= {"duplicates": len(pairs), "duplicate_examples": pairs[:MAX_EXAMPLES].tolist()}
        second = np.concatenate([first[:0], *chunks[count:]])[: len(first)]
        if complete and len(second):
            fresh = float((~np.isin(second, first)).mean())
            record["epoch_fresh"] = fresh
            if count > 1 and fresh <= AUGMENTED:
                record["same_order"] = bool(np.array_equal(second, first[: len(second)]))
        return record

    def _overlap(self) -> dict[str, Any]:
        if not self.held.prints or self.held.values != self.train.values:
            return {"eval": None, "overlap": None, "overlap_examples": []}
        train, held = np.concatenate(self.train.prints), np.concatenate(self.held.prints)
        every = np.unique(held)
        shared = every[np.isin(every, train)]
        examples = [
            [int(np.flatnonzero(held == p)[0]), int(np.flatnonzero(train == p)[0])] for p in shared[:MAX_EXAMPLES]
        ]
        return {"eval": len(every), "overlap": len(shared), "overlap_examples": examples}

    def learn(self, contract: Contract, output: Array, site: str, scores: dict[str, float | None]) -> None:
        """Let simple learners try: records `baselines` and `random_labels`.

        Args:
            output: some output of the model. `scores`: the model's own, on `train` and `val`.
        """
        train, held = problem(self.train, contract, output), problem(self.held, contract, output)
        if isinstance(train, str):
            for signal in ("baselines", "random_labels"):
                self._recorder.missing(signal, train)
            return
        self._recorder.facts("random_labels", [random_labels(train) | {"model_val_score": scores.get("val")}])
        record = baselines_of(train, held)
        record |= {"model": scores.get(record["split"]), "site": site}
        self._recorder.facts("baselines", [record])


def problem(pool: Pool, contract: Contract, output: Array) -> Problem | str:
    """The kept samples, each once, as numbers; or why not."""
    if not pool.inputs or len({tuple(a.shape[1:] for a in batch) for batch in pool.inputs}) > 1:
        return "no samples of one form were seen together with their targets"
    inputs = [np.concatenate(arrays) for arrays in zip(*pool.inputs, strict=True)]
    wanted = np.concatenate(pool.wanted) if len({a.shape[1:] for a in pool.wanted}) == 1 else None
    if wanted is None or all(a.dtype.kind in "iu" and a[0].size == 1 for a in inputs):
        return "the inputs are ids, or the targets vary in form: simple learners do not apply"
    prints = prints_of(inputs)
    rows = np.sort(np.unique(prints, return_index=True)[1])[:MAX_LEARNED]
    if len(rows) < MIN_LEARNED:
        return f"only {len(rows)} different samples were kept, fewer than {MIN_LEARNED}"
    found = _targets(contract, output, wanted[rows])
    if isinstance(found, str):
        return found
    return Problem(side_by_side([a[rows] for a in inputs]), found[0], found[1], prints[rows])


def _targets(contract: Contract, output: Array, target: Array) -> tuple[Matrix, npt.NDArray[np.int64] | None] | str:
    labels = labels_of(contract, output, target) if task_of(contract, output, target) != "sequence" else None
    if labels is not None and len(labels) == len(target):
        if labels.min() < 0 or len(np.unique(labels)) < 2:
            return "the kept targets are of one class only"
        return one_hot(labels, int(labels.max()) + 1), labels
    values = target.reshape(len(target), -1).astype(np.float64)
    if task_of(contract, output, target) != "regression" or values.shape[1] > MAX_OUTPUTS:
        return "simple learners take one class or up to 64 numbers for each sample"
    if not np.isfinite(values).all() or not values.std(0).any():
        return "the kept targets are constant or not finite"
    return values, None
