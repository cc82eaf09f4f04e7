"""The distinct inputs of all splits together, for what is looked for within and between splits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from netvet.data.faults.neighbours import Floats, Numbers, Words
from netvet.data.index import Audited, Split

# Texts and sequences below this are equal by chance ("ok", "yes"), by the attribute that tells their length.
SHORT = {"words": 4.0, "tokens": 8.0, "characters": 20.0, "length": 20.0}


@dataclass(frozen=True)
class Pool:
    """All samples of some splits, and their distinct inputs.

    Args:
        splits: in order; the samples of all are numbered through.
        inputs: number of the distinct input of each sample, -1 for texts so short that they are equal by chance.
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
        parts = [np.bincount(of[of >= 0], minlength=len(self.first)) for of in map(self.inputs_of, range(len(self.splits)))]
        return np.stack(parts, axis=1)

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
        parts = {s.name: np.flatnonzero(marked[a:b]) for s, a, b in zip(self.splits, self.starts, self.starts[1:], strict=False)}
        return {name: of for name, of in parts.items() if len(of)}


def pool_of(data: Audited) -> Pool:
    """All splits with samples, the training data first."""
    return Pool.of(tuple(s for s in data.splits.values() if len(s)))


def _short(split: Split) -> npt.NDArray[np.bool_]:
    short = np.zeros(len(split), bool)
    for name, least in SHORT.items():
        values = split.rows.attributes.get(name)
        if values is not None and values.dtype.kind == "f":
            short |= values < least
    return short


# A column in which two samples agree more often than this by chance tells nothing about whether they are one.
AGREEING = 0.5


def by_chance(data: Audited, pool: Pool) -> bool:
    """Whether equal samples are what so few different values give without any mistake.

    Where samples meet by chance, many more agree in all columns but one: the copies to be expected are those that agree
    but for one column, times the odds of agreeing in that one. A row that was copied has no such company.
    """
    if data.kind not in ("table", "tensor") or pool.splits[0].rows.features.shape[1] < 2:
        return data.kind in ("table", "tensor")
    features = np.concatenate([s.rows.features for s in pool.splits])
    if features.shape[1] > 256 or len(features) < 2:
        return False
    codes = [_codes(features[:, c]) for c in range(features.shape[1])]
    whole = np.bitwise_xor.reduce([code for code, _ in codes])
    copies = _copies(whole)
    if not copies:
        return False
    expected = 0.0
    for code, agreeing in codes:
        company = _copies(whole ^ code) - copies
        expected = max(expected, company * min(agreeing / max(1 - agreeing, 1e-9), 1.0))
    return expected >= 0.25 * copies


def _codes(column: Floats) -> tuple[Words, float]:
    """A random word for each value of a column, and how often two samples agree in it."""
    values, position, counts = np.unique(column, return_inverse=True, return_counts=True)
    generator = np.random.default_rng([len(values), int(counts[0]), int(counts[-1])])
    words = generator.integers(0, 2**63, len(values), dtype=np.uint64)
    return words[position.reshape(-1)], float(np.square(counts / len(column)).sum())


def _copies(words: Words) -> int:
    return len(words) - len(np.unique(words))
