"""Hashes of whole samples: equal for equal samples."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

# Odd constants of splitmix64 (Steele, Lea and Flood, Fast splittable pseudorandom number generators, 2014).
_GAMMA, _FIRST, _SECOND = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

# Rows with more numbers are hashed one by one: there are few of them in memory, and columns are visited in Python.
MAX_COLUMNS = 1_024


def of_bytes(parts: Iterable[bytes]) -> int:
    """One 64-bit hash of successive bytes."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(part)
    return int.from_bytes(digest.digest(), "little")


def of_rows(values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint64]:
    """One hash for each row of an array [n, ...], many rows at once.

    Every number is its float64 (0 and -0 are one number, and all NaN), so that a copy in another dtype is equal as long
    as that has lost nothing.
    """
    found = np.full(len(values), _GAMMA, dtype=np.uint64)
    if not values.size:
        return found
    flat = values.reshape(len(values), -1)
    if flat.shape[1] > MAX_COLUMNS:
        return np.array([of_bytes([_canonical(row).tobytes()]) for row in flat], dtype=np.uint64)
    for column in range(flat.shape[1]):
        found = _mixed((found ^ _canonical(flat[:, column]).view(np.uint64)) + _GAMMA)
    return found


def _canonical(values: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    numbers = values.astype(np.float64) + 0.0
    numbers[np.isnan(numbers)] = np.nan
    return numbers


def of_words(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One hash for each row of hashes [n, k]."""
    found = np.full(len(words), _GAMMA, dtype=np.uint64)
    for column in range(words.shape[1]):
        found = _mixed((found ^ words[:, column]) + _GAMMA)
    return found


def _mixed(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """The mixing step of splitmix64: every bit of a word moves half of those of the result."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    mixed: npt.NDArray[np.uint64] = words ^ (words >> np.uint64(31))
    return mixed
