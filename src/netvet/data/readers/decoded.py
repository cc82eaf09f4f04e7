"""From the bytes of files to chunks of samples: one function to decode each kind, from folders and tars alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Chunk, Kind, Problem
from netvet.data.describe import fingerprints

# A chunk ends at so many samples, or bytes of decoded ones.
CHUNK, CHUNK_BYTES = 500, 32 * 2**20


class Unusable(Exception):
    """Bytes that are no sample; `what` in one or two words."""

    def __init__(self, what: str, message: str) -> None:
        super().__init__(message)
        self.what = what


@dataclass(frozen=True, slots=True)
class Decoded:
    """A sample.

    Args:
        input: as in `Chunk`.
        facts: attributes of it.
        reduced: it holds less than its file did.
    """

    input: Any
    facts: Mapping[str, float | str] = field(default_factory=dict)
    reduced: bool = False


@dataclass(frozen=True)
class Form:
    """A kind of file that holds one sample.

    Args:
        endings: of its files; `word`: what a person calls one.
        decode: from bytes to a sample; raises `Unusable`.
    """

    kind: Kind
    endings: frozenset[str]
    word: str
    decode: Callable[[bytes], Decoded]


@dataclass(frozen=True, slots=True)
class Raw:
    """A sample as it is stored: its key, bytes (or why there are none), label, and further facts."""

    key: str
    data: bytes | Unusable
    label: Any = None
    facts: Mapping[str, float | str] = field(default_factory=dict)


@dataclass
class _Gathered:
    keys: list[str] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    facts: list[Mapping[str, float | str]] = field(default_factory=list)
    prints: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0

    def add(self, raw: Raw, form: Form) -> None:
        try:
            if isinstance(raw.data, Unusable):
                raise raw.data
            one = form.decode(raw.data)
        except Unusable as error:
            self.problems.append(Problem(raw.key, error.what, str(error)))
            return
        self.keys.append(raw.key)
        self.inputs.append(one.input)
        self.labels.append(raw.label)
        self.facts.append({"file bytes": float(len(raw.data)), **one.facts, **raw.facts})
        self.prints.append(fingerprints.of_bytes([raw.data]) if one.reduced else 0)
        self.size += getattr(one.input, "nbytes", len(one.input))

    def chunk(self) -> Chunk:
        names = dict.fromkeys(name for facts in self.facts for name in facts)
        return Chunk(
            self.keys, self.inputs, targets_of(self.labels), {n: column([f.get(n) for f in self.facts]) for n in names},
            tuple(self.problems), prints=np.array(self.prints, dtype=np.uint64),
        )  # fmt: skip


def chunks(raws: Iterable[Raw], form: Form) -> Iterator[Chunk]:
    """Decode samples, a chunk at a time; at least one chunk, even without a sample."""
    now, told = _Gathered(), False
    for raw in raws:
        now.add(raw, form)
        if len(now.keys) + len(now.problems) >= CHUNK or now.size >= CHUNK_BYTES:
            yield now.chunk()
            now, told = _Gathered(), True
    if now.keys or now.problems or not told:
        yield now.chunk()


def targets_of(labels: list[Any]) -> npt.NDArray[Any] | None:
    """Labels [n] as int64, float64 or strings; None where one is missing."""
    if not labels or any(label is None for label in labels):
        return None
    if all(isinstance(label, int) for label in labels):
        return np.array(labels, dtype=np.int64)
    if all(isinstance(label, int | float) for label in labels):
        return np.array(labels, dtype=np.float64)
    return np.array([str(label) for label in labels], dtype=object)


def column(values: list[Any]) -> npt.NDArray[Any]:
    """An attribute [n]: float64 where all are numbers or missing, else strings."""
    if all(value is None or isinstance(value, int | float) for value in values):
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return np.array([None if value is None else str(value) for value in values], dtype=object)
