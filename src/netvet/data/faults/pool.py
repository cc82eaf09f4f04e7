"""The distinct inputs of all splits together, for what is looked for within and between splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from netvet.data.faults.neighbours import Floats, Numbers, Words
from netvet.data.index import Audited, Split, alike

# Texts and sequences below this are equal by chance ("ok", "yes"), by the attribute that tells their length.
SHORT = {"words": 4.0, "tokens": 8.0, "characters": 20.0, "length": 20.0}


@dataclass(frozen=True)
class Pool:
    """All samples of some splits, and their distinct inputs.

    Args:
        splits: in order; the samples of all are numbered through.
        inputs: number of the distinct input of each sample, -1 for texts so short that they are equal by chance, and
            for blank images.
        first: a sample with each distinct input.
    """

    splits: tuple[Split, ...]
    inputs: Numbers
    first: Numbers

    @classmethod
    def of(cls, splits: tuple[Split, ...]) -> Pool:
        """Pool the samples of splits."""
        prints = np.concatenate([s.rows.prints for s in splits])
        _, first, inputs = np.unique(prints, return_index=True, return_inverse=True)
        short = np.concatenate([_short(s) for s in splits])
        return cls(splits, np.where(short, -1, inputs.reshape(-1)).astype(np.int64), first.astype(np.int64))

    @cached_property
    def starts(self) -> Numbers:
        """Where the samples of each split begin, and where all end."""
        return np.cumsum([0, *(len(s) for s in self.splits)])

    @cached_property
    def members(self) -> npt.NDArray[np.int64]:
        """Samples with each distinct input in each split [inputs, splits]."""
        parts = [self.inputs_of(s) for s in range(len(self.splits))]
        return np.stack([np.bincount(of[of >= 0], minlength=len(self.first)) for of in parts], axis=1)

    def inputs_of(self, split: int) -> Numbers:
        """The distinct input of each sample of a split."""
        return self.inputs[self.starts[split] : self.starts[split + 1]]

    def key(self, sample: int) -> str:
        """By which a person finds a sample: with the name of its split, where there are several."""
        split = int(np.searchsorted(self.starts, sample, side="right")) - 1
        key = self.splits[split].key(int(sample - self.starts[split]))
        return f"{self.splits[split].name}: {key}" if len(self.splits) > 1 else key

    def sample(self, found: int, split: int) -> int:
        """The first sample of a split with a distinct input, numbered through."""
        return int(np.argmax(self.inputs_of(split) == found) + self.starts[split])

    def features(self) -> Floats:
        """Of each distinct input [inputs, d]."""
        return np.concatenate([s.rows.features for s in self.splits])[self.first]

    def near(self) -> Words:
        """Perceptual hash or signature of each distinct input [inputs, k]."""
        return np.concatenate([s.rows.near for s in self.splits])[self.first]

    def suspects(self, marked: npt.NDArray[np.bool_]) -> dict[str, Numbers]:
        """Numbers, within each split, of the marked among all samples."""
        parts = np.split(marked, self.starts[1:-1])
        found = {s.name: np.flatnonzero(part) for s, part in zip(self.splits, parts, strict=True)}
        return {name: numbers for name, numbers in found.items() if len(numbers)}


def pool_of(data: Audited) -> Pool:
    """All splits with samples that can be compared with the first, which are the training data."""
    return Pool.of(tuple(alike(list(data.splits.values()))))


def _short(split: Split) -> npt.NDArray[np.bool_]:
    short = np.zeros(len(split), bool)
    for name, least in SHORT.items():
        values = split.rows.attributes.get(name)
        if values is not None and values.dtype.kind == "f":
            short |= values < least
    blank = split.rows.attributes.get("blank")  # equal to all others of its size; `corrupt-samples` tells of them
    if blank is not None and blank.dtype.kind == "f":
        short |= blank > 0
    return short


# Wider samples are told apart by more than a few values each.
MAX_COLUMNS = 256
# Odds of differing in a column from which on it tells by itself; in others a single pair may make it look by chance.
TELLING = 0.9
# Share of the pairs of equal samples that chance must explain; an estimate of it may be off by so much (columns depend
# on each other).
EXPLAINED = 0.25


def by_chance(data: Audited, pool: Pool) -> bool:
    """Whether equal samples are what so few different values give without any mistake.

    Where samples meet by chance, others agree in all columns but one: independent columns that two samples agree in
    with probability p make (1 - p) / p such pairs for each equal one. A row that was copied has no such company.
    """
    width = pool.splits[0].rows.features.shape[1]
    if data.kind not in ("table", "tensor") or width > MAX_COLUMNS:
        return False
    features = np.concatenate([s.rows.features for s in alike(pool.splits)])
    codes = [_codes(features[:, c]) for c in range(width)]
    whole = np.bitwise_xor.reduce([code for code, _ in codes]) if codes else np.zeros(len(features), np.uint64)
    equal = _pairs(whole)
    if not equal or width < 2:
        return equal > 0
    company = np.array([_pairs(whole ^ code) - equal for code, _ in codes])
    odds = np.array([(1 - agreeing) / agreeing for _, agreeing in codes])
    single = (company / np.maximum(odds, TELLING))[odds >= TELLING].max(initial=0.0)
    return max(float(single), float(company.sum() / max(odds.sum(), 1e-9))) >= EXPLAINED * equal


def _codes(column: Floats) -> tuple[Words, float]:
    """A random word for each value of a column, and how often two samples agree in it."""
    values, position, counts = np.unique(column, return_inverse=True, return_counts=True)
    words = np.random.default_rng([len(values), int(counts[0]), int(counts[-1]), int(position.sum())]).integers(
        0, 2**63, len(values), dtype=np.uint64
    )
    return words[position.reshape(-1)], float(np.square(counts / len(column)).sum())


def _pairs(words: Words) -> float:
    counts = np.unique(words, return_counts=True)[1].astype(np.float64)
    return float((counts * (counts - 1) / 2).sum())
