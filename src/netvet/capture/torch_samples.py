"""Which samples the model is trained and evaluated on. Records `samples`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from netvet.capture.fingerprints import Prints, epoch_length, repeats
from netvet.capture.torch_batches import Batch, BatchTracker, Loader
from netvet.capture.torch_evaluations import EvaluationCollector, Pass
from netvet.capture.torch_events import Backward, Call, LossCall, Session
from netvet.capture.torch_fingerprints import Transfer, fingerprints, rows_of
from netvet.capture.torch_tensors import Budget

# Hashing reads every input once: a second in any case, then a share of the run time.
SHARE, GRACE = 0.03, 1.0
MAX_SAMPLES, MAX_STREAMS, MAX_GROUPS = 500_000, 16, 16
# Samples of the second epoch that are hashed: enough to compare orders.
SECOND_EPOCH = 20_000
MAX_EXAMPLES = 10
# Batches that may be on their way from an accelerator.
MAX_WAITING = 32
# Samples of a batch that decide whether it was trained on.
ASKED = 64
# Above this share of new samples in the second epoch, samples are augmented: fingerprints cannot match then.
AUGMENTED = 0.5
# An evaluation that covers so much of the training data scores the training on purpose.
TRAINING_SCORE = 0.5


@dataclass(slots=True, eq=False)
class _Waiting:
    """One batch on its way to be hashed. `index`: its place among the chunks, -1 when it was left out."""

    stream: _Stream
    inputs: Transfer
    number: int
    target: Transfer | None = None
    index: int | None = None

    @property
    def size(self) -> int:
        return self.inputs.size

    @property
    def arrived(self) -> bool:
        return self.target is None or self.target.arrived


@dataclass(slots=True, eq=False)
class _Stream:
    """The samples of one training call site, in order.

    Attributes:
        passes: index of the first chunk of each pass over the loader.
        chained: calls that followed on another without a loss or backward in between (steps in time, views).
        repeated: chunks left out because they equal the one before (several calls on one batch).
    """

    key: tuple[str, str, str]
    loader: Loader | None
    values: int
    chunks: list[Prints] = field(default_factory=list)
    targets: list[Prints | None] = field(default_factory=list)
    passes: list[tuple[int, int]] = field(default_factory=list)
    samples: int = 0
    calls: int = 0
    chained: int = 0
    repeated: int = 0
    later: int = 0
    gap: bool = False
    done: bool = False
    waiting: bool = False
    epoch: int | None = None
    checked: int = 0
    queue: deque[_Waiting] = field(default_factory=deque)
    late: deque[_Waiting] = field(default_factory=deque)


@dataclass(slots=True)
class _Group:
    """The samples of one evaluation, at its first pass."""

    owner: Pass
    loader: Loader | None
    values: int
    chunks: list[Prints] = field(default_factory=list)
    samples: int = 0


class SampleCollector:
    """Records `samples`; others ask it whether a batch was trained on."""

    part = "samples"

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["samples"] = self
        session.options["trained_on"] = session.recorder.guard(self.part, self.trained_on)
        self._streams: dict[tuple[str, str, str], _Stream] = {}
        self._groups: dict[Any, _Group] = {}
        self._budget = Budget(SHARE, GRACE)
        self._present: _Waiting | None = None
        self._ended = False

    def on_call_begin(self, event: Call) -> None:
        tracker: BatchTracker = self._session.options["batches"]
        batch, self._present = tracker.batch, None
        if batch is None or not batch.size:
            return
        if batch.trains and event.phase == "train":
            self._train(batch)
        elif not batch.trains:
            self._evaluate(batch)

    def _train(self, batch: Batch) -> None:
        key = (batch.model, batch.path, str(batch.site))
        stream = self._streams.get(key)
        if stream is not None and stream.done:
            return
        if stream is None:
            if len(self._streams) >= MAX_STREAMS:
                return
            rows = rows_of(batch.inputs.values(), batch.axis, batch.size or 0)
            stream = self._streams[key] = _Stream(key, batch.loader, sum(r.shape[1] for r in rows), done=not rows)
        stream.calls += 1
        stream.chained += stream.waiting
        stream.waiting = True
        stream.later += batch.repeat > 1
        self._hash(stream, batch)

    def _hash(self, stream: _Stream, batch: Batch) -> None:
        if stream.samples >= MAX_SAMPLES or not self._budget.left:
            stream.done = stream.gap = True
            return
        rows = rows_of(batch.inputs.values(), batch.axis, batch.size or 0)
        if rows:
            with self._budget:
                number = batch.loader.passes if batch.loader is not None and batch.loader is stream.loader else 0
                self._present = _Waiting(stream, Transfer(rows), number)
                stream.queue.append(self._present)
                self._drain(stream, wait=len(stream.queue) > MAX_WAITING)

    def _drain(self, stream: _Stream, *, wait: bool = False) -> None:
        """Hash what has arrived; on an accelerator that is a few steps late, so that no step waits for it."""
        while stream.queue and (wait or stream.queue[0].inputs.arrived):
            waiting = stream.queue.popleft()
            self._add(stream, waiting, fingerprints(waiting.inputs.rows()))
        while stream.late and stream.late[0].index is not None and (wait or stream.late[0].arrived):
            waiting = stream.late.popleft()
            if waiting.target is not None and waiting.index is not None and waiting.index >= 0:
                stream.targets[waiting.index] = fingerprints(waiting.target.rows())

    def _add(self, stream: _Stream, waiting: _Waiting, prints: Prints) -> None:
        waiting.index = -1
        if stream.done:
            return
        if stream.chunks and np.array_equal(prints, stream.chunks[-1]):
            stream.repeated += 1
            stream.done = stream.repeated > 10 and len(stream.chunks) == 1
            return
        if waiting.number and (not stream.passes or stream.passes[-1][1] != waiting.number):
            stream.passes.append((len(stream.chunks), waiting.number))
        waiting.index = len(stream.chunks)
        stream.chunks.append(prints)
        stream.targets.append(None)
        stream.samples += len(prints)
        self._enough(stream)

    def _enough(self, stream: _Stream) -> None:
        """Stop once the second epoch was seen."""
        if len(stream.passes) > 1:
            second = sum(len(c) for c in stream.chunks[stream.passes[1][0] :])
            stream.done = len(stream.passes) > 2 or second >= SECOND_EPOCH
        elif stream.loader is None and stream.samples >= 2 * stream.checked:
            stream.checked = stream.samples
            stream.epoch = epoch_length(stream.chunks)
            stream.done = stream.epoch is not None

    def on_loss(self, event: LossCall) -> None:
        for stream in self._streams.values():
            stream.waiting = False
        if event.own_target:
            return
        waiting, self._present = self._present, None
        if waiting is None or not event.output.requires_grad or waiting.index == -1:
            return
        rows = rows_of([event.target], 0, waiting.size)
        if rows:
            with self._budget:
                waiting.target = Transfer(rows)
                waiting.stream.late.append(waiting)
                self._drain(waiting.stream)

    def on_backward_begin(self, _event: Backward) -> None:
        for stream in self._streams.values():
            stream.waiting = False

    def _evaluate(self, batch: Batch) -> None:
        evaluations: EvaluationCollector = self._session.options["evaluations"]
        current = evaluations.current
        if current is None or not self._budget.left:
            return
        key = batch.loader.name if batch.loader is not None else current.key
        group = self._groups.get(key)
        rows = (
            rows_of(batch.inputs.values(), batch.axis, batch.size or 0)
            if group is None or group.owner is current
            else []
        )
        if not rows or (group is None and len(self._groups) >= MAX_GROUPS):
            return
        if group is None:
            group = self._groups[key] = _Group(current, batch.loader, sum(r.shape[1] for r in rows))
        if group.samples < MAX_SAMPLES and batch.repeat == 1:
            with self._budget:
                group.chunks.append(fingerprints(rows))
            group.samples += batch.size or 0

    def on_sleep(self, _: None) -> None:
        """What comes while nobody listens is missing from the stream: as much as there is must do."""
        for stream in self._streams.values():
            stream.gap = stream.gap or not stream.done
            stream.done, stream.waiting = True, False
        self._present = None

    def trained_on(self, batch: Batch) -> str | None:
        """`train` where these samples were trained on, `val` where they were not, None where that is not known."""
        stream = self._main()
        if stream is None or not batch.size or not stream.chunks:
            return None
        rows = rows_of(batch.inputs.values(), batch.axis, batch.size)
        if not rows or sum(r.shape[1] for r in rows) != stream.values:
            return None
        known, record = np.concatenate(stream.chunks), self._describe(stream)
        asked = fingerprints([r[:ASKED] for r in rows])
        share = float(np.isin(asked, known).mean())
        if (record["duplicates"] or 0) > 0.1 * len(known) or (record["epoch_fresh"] or 0) > AUGMENTED:
            return None
        if share == 1.0:
            return "train"
        return "val" if share < 0.5 and record["complete"] else None

    def training_prints(self) -> Prints | None:
        """Fingerprints of all training samples that were hashed."""
        stream = self._main()
        return np.concatenate(stream.chunks) if stream is not None else None

    def _main(self) -> _Stream | None:
        """The stream that stands for the training data."""
        usable = [s for s in self._streams.values() if s.chunks and s.chained <= 0.1 * s.calls]
        if not usable:
            return None
        # Data come from a loader, at the first call on each of its batches; noise for a generator does not.
        return max(usable, key=lambda s: (s.loader is not None and s.later <= 0.5 * s.calls, s.samples))

    def _first_epoch(self, stream: _Stream) -> tuple[int, bool]:
        """Chunks of the first epoch, and whether that is all of it."""
        if stream.loader is not None and stream.passes:
            if len(stream.passes) > 1:
                return stream.passes[1][0], True
            size, record = stream.samples, stream.loader.record
            wanted = record["sampler_samples"]
            if wanted is not None and record["drop_last"] and record["batch_size"]:
                wanted -= wanted % record["batch_size"]
            return len(stream.chunks), not stream.gap and wanted is not None and size >= wanted
        if stream.repeated and len(stream.chunks) == 1:
            return 1, True
        epoch = stream.epoch or epoch_length(stream.chunks)
        if epoch is None:
            return len(stream.chunks), False
        return int(np.searchsorted(np.cumsum([len(c) for c in stream.chunks]), epoch)) + 1, True

    def _describe(self, stream: _Stream) -> dict[str, Any]:
        """The training part of the record."""
        count, complete = self._first_epoch(stream)
        first = np.concatenate(stream.chunks[:count])
        record: dict[str, Any] = {
            "train": len(np.unique(first)), "train_seen": len(first), "complete": complete, "granular": stream.values,
            "duplicates": None, "duplicate_examples": [], "conflicting": None, "same_order": None, "epoch_fresh": None,
        }  # fmt: skip
        again = stream.loader.replacement if stream.loader is not None else not complete
        if not again:
            pairs = repeats(first)
            record |= {"duplicates": len(pairs), "duplicate_examples": pairs[:MAX_EXAMPLES].tolist()}
            record["conflicting"] = _conflicts(first, stream.targets[:count])
        second = np.concatenate(stream.chunks[count:]) if count < len(stream.chunks) else first[:0]
        second = second[: len(first)]
        if complete and len(second):
            fresh = float((~np.isin(second, first)).mean())
            record["epoch_fresh"] = fresh
            if count > 1 and fresh <= AUGMENTED:
                record["same_order"] = bool(np.array_equal(second, first[: len(second)]))
            elif count > 1:
                record["same_order"] = _same_targets(stream.targets, count)
        return record

    def _overlap(self, stream: _Stream) -> dict[str, Any]:
        """The evaluation part of the record: the evaluation that shares most, besides scores on the training data."""
        train, best = np.concatenate(stream.chunks), None
        if stream.loader is None and not self._first_epoch(stream)[1]:
            return {"eval": None, "overlap": None, "overlap_examples": []}  # random pieces of the data, new each time
        groups = [g for g in self._groups.values() if g.chunks and g.owner.scored and g.values == stream.values]
        for group in groups:
            chunks = _without_training_score(group.chunks, train)
            prints = np.unique(np.concatenate(chunks))
            shared = np.isin(prints, train)
            on_train = group.loader is not None and "train" in group.loader.phases
            rank = (not on_train and shared.mean() < 0.99, float(shared.mean()))
            if best is None or rank > best[0]:
                best = (rank, prints[shared], len(prints), np.concatenate(chunks))
        if best is None:
            return {"eval": None, "overlap": None, "overlap_examples": []}
        examples = [
            [int(np.flatnonzero(best[3] == p)[0]), int(np.flatnonzero(train == p)[0])] for p in best[1][:MAX_EXAMPLES]
        ]
        return {"eval": best[2], "overlap": len(best[1]), "overlap_examples": examples}

    def on_finish(self, _ended: str) -> None:
        self._ended = True
        self._present = None

    def on_report(self, _: None) -> None:
        for each in self._streams.values():
            self._drain(each, wait=True)
        stream = self._main()
        if stream is not None:
            self._session.recorder.facts("samples", [self._describe(stream) | self._overlap(stream)])
        elif self._ended:
            chained = any(s.chained for s in self._streams.values())
            reason = "the model is called several times for each batch" if chained else "no training input was seen"
            self._session.recorder.missing("samples", f"{reason}: single samples cannot be told apart")


def _without_training_score(chunks: list[Prints], train: Prints) -> list[Prints]:
    """The batches of an evaluation without those of a score on the training data that was taken at the same place."""
    inside = [bool(np.isin(c, train).all()) for c in chunks]
    if all(inside) or not any(inside):
        return chunks
    within = np.unique(np.concatenate([c for c, i in zip(chunks, inside, strict=True) if i]))
    if len(within) < TRAINING_SCORE * len(np.unique(train)):
        return chunks
    return [c for c, i in zip(chunks, inside, strict=True) if not i]


def _conflicts(first: Prints, targets: list[Prints | None]) -> int | None:
    """Distinct inputs that come with more than one target."""
    if any(t is None for t in targets):
        return None
    wanted = np.concatenate([t for t in targets if t is not None])
    if len(wanted) != len(first):
        return None
    pairs = np.unique(np.stack((first, wanted), axis=1), axis=0)
    return int((np.unique(pairs[:, 0], return_counts=True)[1] > 1).sum())


def _same_targets(targets: list[Prints | None], count: int) -> bool | None:
    """Whether the targets of the second epoch come in the order of the first, for inputs that are augmented."""
    if any(t is None for t in targets):
        return None
    first, second = (np.concatenate([t for t in part if t is not None]) for part in (targets[:count], targets[count:]))
    second = second[: len(first)]
    if len(second) < ASKED or len(np.unique(second)) < 2:
        return None
    return bool(np.array_equal(first[: len(second)], second))
