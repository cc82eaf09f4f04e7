"""How good people are at a task, from their blind answers: accuracy, time, confusion, agreement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.annotation import Answer, Asked, Store

# Of the standard normal distribution: intervals of 95 %.
Z = 1.959964


@dataclass(frozen=True)
class Baseline:
    """What one person came to.

    Attributes:
        samples: answered for the first time; `right`: as the data say; `skipped`: not answered.
        seconds: median time for an answer.
        confusion: int64 [k, k], rows: class in the data, columns: answer.
        repeated: samples answered twice; `same`: with the same class.
        kappa: Cohen's, between the first and the second time; None where it is not defined.
    """

    annotator: str
    samples: int
    right: int
    skipped: int
    seconds: float
    confusion: npt.NDArray[np.int64]
    repeated: int
    same: int
    kappa: float | None

    @property
    def accuracy(self) -> float:
        """Share of answers as the data say; NaN without any."""
        return self.right / self.samples if self.samples else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Of the accuracy, 95 %."""
        return wilson(self.right, self.samples)


@dataclass(frozen=True)
class Agreement:
    """How far two people agree on the samples that both answered."""

    first: str
    second: str
    samples: int
    same: int
    kappa: float | None


def wilson(right: int, samples: int, z: float = Z) -> tuple[float, float]:
    """Interval of a share (Wilson, Probable inference, JASA 1927, equation 4); 0 to 1 without samples."""
    if not samples:
        return 0.0, 1.0
    share, weight = right / samples, z * z / samples
    middle = (share + weight / 2) / (1 + weight)
    half = z / (1 + weight) * math.sqrt(share * (1 - share) / samples + weight / (4 * samples))
    return max(middle - half, 0.0), min(middle + half, 1.0)


def kappa(first: Sequence[str], second: Sequence[str]) -> float | None:
    """Agreement beyond that of chance (Cohen, A coefficient of agreement for nominal scales, 1960, equation 1).

    None where only one class was ever answered: chance alone agrees then.
    """
    if not first:
        return None
    a, b = np.asarray(first, dtype=object), np.asarray(second, dtype=object)
    chance = sum(float(np.mean(a == c) * np.mean(b == c)) for c in {*first, *second})
    return (float(np.mean(a == b)) - chance) / (1 - chance) if chance < 1 else None


def baselines(store: Store) -> list[Baseline]:
    """Of everybody who has answered, in the order of their names."""
    plan, classes = store.plan(), store.classes
    by: dict[str, dict[int, Answer]] = {}
    for one in store.answers():
        by.setdefault(one.annotator, {})[one.position] = one
    return [_baseline(name, plan, by[name], classes) for name in sorted(by)]


def _baseline(name: str, plan: Sequence[Asked], given: Mapping[int, Answer], classes: Sequence[str]) -> Baseline:
    place = {c: i for i, c in enumerate(classes)}
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    pairs = []
    for asked in plan:
        now = given.get(asked.position)
        if now is None or now.label is None:
            continue
        if asked.first is None:
            confusion[place[asked.label], place[now.label]] += 1
        elif (before := given.get(asked.first)) is not None and before.label is not None:
            pairs.append((before.label, now.label))
    times = [a.seconds for a in given.values() if a.label is not None]
    return Baseline(
        name, int(confusion.sum()), int(np.trace(confusion)),
        sum(a.label is None for a in given.values()), float(np.median(times)) if times else math.nan, confusion,
        len(pairs), sum(a == b for a, b in pairs), kappa([a for a, _ in pairs], [b for _, b in pairs]),
    )  # fmt: skip


def agreements(store: Store) -> list[Agreement]:
    """Between any two people."""
    firsts = {a.position for a in store.plan() if a.first is None}
    said: dict[str, dict[int, str]] = {}
    for one in store.answers():
        if one.label is not None and one.position in firsts:
            said.setdefault(one.annotator, {})[one.position] = one.label
    names, found = sorted(said), []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            both = sorted(said[first].keys() & said[second].keys())
            a, b = [said[first][p] for p in both], [said[second][p] for p in both]
            found.append(Agreement(first, second, len(both), sum(map(str.__eq__, a, b)), kappa(a, b)))
    return found


def records(store: Store) -> list[Record]:
    """Records of the signal `human_baseline`: one for each person with an answer."""
    found: list[Record] = []
    for one in baselines(store):
        if one.samples:
            low, high = one.interval
            found.append({
                "annotator": one.annotator, "accuracy": one.accuracy, "low": low, "high": high, "samples": one.samples,
                "skipped": one.skipped, "seconds": one.seconds, "repeated": one.repeated, "self_kappa": one.kappa,
            })  # fmt: skip
    return found


def lines(store: Store, most: int = 5) -> list[str]:
    """For a person: accuracy, time and agreement of everybody, with what was confused most.

    Args:
        most: pairs of classes that are named.
    """
    classes, found = store.classes, []
    for one in baselines(store):
        low, high = one.interval
        if not one.samples:
            found.append(f"{one.annotator}: no answers yet")
            continue
        found.append(
            f"{one.annotator}: {one.right} of {one.samples} as the data say: {one.accuracy:.1%} "
            f"({low:.1%} to {high:.1%}), {one.seconds:.1f} s a sample, {one.skipped} skipped"
        )
        if one.repeated:
            said = f", kappa {one.kappa:.2f}" if one.kappa is not None else ""
            found.append(f"  the same answer the second time: {one.same} of {one.repeated}{said}")
        wrong = one.confusion - np.diag(np.diag(one.confusion))
        for cell in np.argsort(-wrong, axis=None, kind="stable")[:most].tolist():
            row, column = divmod(cell, len(classes))
            if wrong[row, column]:
                found.append(f"  {classes[row]} in the data, answered {classes[column]}: {wrong[row, column]} times")
    for pair in agreements(store):
        said = f", kappa {pair.kappa:.2f}" if pair.kappa is not None else ""
        found.append(f"{pair.first} and {pair.second} agree on {pair.same} of {pair.samples}{said}")
    return found
