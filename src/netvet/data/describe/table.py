"""Rows of a table: numbers as they are, words as codes."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Chunk, Numbered
from netvet.data.describe import fingerprints
from netvet.data.index import Floats, Rows

# A float32 holds whole numbers up to this one exactly.
CODES = 1 << 24


class _Hashes(dict[str | None, int]):
    """A 64-bit hash of each string, equal everywhere; nothing has 0."""

    def __missing__(self, text: str | None) -> int:
        found = 0 if text is None else fingerprints.of_bytes([text.encode("utf-8", "surrogatepass")])
        self[text] = found
        return found


def rows(chunk: Chunk) -> Rows:
    """One row a sample: a feature for each column, in which a word is a code that tells words apart and no more."""
    count = len(chunk)
    words = [np.zeros(count, np.uint64)]
    features: list[Floats] = []
    categorical = []
    for name, values in chunk.inputs.items():
        if values.dtype == object:
            hashed = of_texts(values.tolist())
            words.append(hashed)
            features.append(np.where(hashed == 0, np.nan, hashed % np.uint64(CODES)).astype(np.float32))
            categorical.append(name)
        else:
            words.append(fingerprints.of_rows(values[:, None]))
            with np.errstate(over="ignore"):
                features.append(values.astype(np.float32))
    return Rows(
        None if isinstance(chunk.keys, Numbered) else chunk.keys,
        fingerprints.of_words(np.stack(words, 1)),
        np.stack(features, 1) if features else np.zeros((count, 0), np.float32),
        np.zeros((count, 0), np.uint64), dict(chunk.attributes), chunk.targets, tuple(chunk.inputs), chunk.problems,
        tuple(categorical),
    )  # fmt: skip


def of_texts(texts: Iterable[str | None]) -> npt.NDArray[np.uint64]:
    """A hash of each string, 0 for None."""
    known = _Hashes()
    return np.fromiter((known[text] for text in texts), dtype=np.uint64)
