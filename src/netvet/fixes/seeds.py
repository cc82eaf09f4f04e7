"""Seeds of Python and NumPy, which programs of every framework have."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

# Between the seeds of two trials. A program that takes seeds 0, 1, 2, ... for its own repeats does not meet them again.
STRIDE = 1000
_LARGEST = 2**63


@contextmanager
def seed_python(shift: int) -> Iterator[None]:
    """While entered, seeds for Python's generator are `given + shift`, and NumPy's, which make data, are fixed."""
    np.random.seed(0)
    random.seed(shift)
    with ExitStack() as undo:
        _shift_python(undo, shift)
        _fix_numpy(undo)
        yield


def replaced(undo: ExitStack, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Put another function in the place of one, until `undo` is closed."""
    before = getattr(owner, name)
    setattr(owner, name, functools.wraps(before)(make(before)))
    undo.callback(setattr, owner, name, before)


def moved(seed: int, shift: int, largest: int = _LARGEST) -> int:
    """Another seed, below the largest that is allowed."""
    return seed + shift if seed + shift < largest else seed - shift


def _shift_python(undo: ExitStack, shift: int) -> None:
    def seeds(before: Any) -> Any:
        def seed(a: Any = None, version: int = 2) -> None:
            if a is None:
                a = shift
            elif type(a) is int:
                a += shift
            elif shift and isinstance(a, (str, bytes, bytearray)):
                a = f"{a!r} {shift}"
            before(a, version)

        return seed

    replaced(undo, random, "seed", seeds)


def _fix_numpy(undo: ExitStack) -> None:
    count = [0]

    def rng(before: Any) -> Any:
        def default_rng(seed: Any = None) -> Any:
            if seed is None:
                count[0] += 1
                seed = [0, count[0]]
            return before(seed)

        return default_rng

    def seeds(before: Any) -> Any:
        def seed(seed: Any = None) -> None:
            before(0 if seed is None else seed)

        return seed

    replaced(undo, np.random, "default_rng", rng)
    replaced(undo, np.random, "seed", seeds)
