"""Samples that cannot be used, and those that hold nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Record
from netvet.data.chunks import Problem
from netvet.data.index import Audited, Split

# Samples that a record names.
EXAMPLES = 10


def problems(data: Audited) -> list[Record]:
    """Records of the signal `data_problems`."""
    return [record for split in data.splits.values() for record in (*_problems(split), *_blank(split))]


def _problems(split: Split) -> Iterator[Record]:
    kinds: dict[str, list[Problem]] = {}
    for problem in split.rows.problems:
        kinds.setdefault(problem.what, []).append(problem)
    for what, found in kinds.items():
        yield _record(split, what, len(found), [p.key for p in found[:EXAMPLES]], found[0].message)


def _blank(split: Split) -> Iterator[Record]:
    blank = split.rows.attributes.get("blank")
    where = np.flatnonzero(blank == 1) if blank is not None else np.zeros(0, np.int64)
    if len(where):
        keys = [split.key(i) for i in where[:EXAMPLES].tolist()]
        yield _record(split, "blank", len(where), keys, "one value from begin to end")


def _record(split: Split, what: str, count: int, keys: list[str], message: str) -> Record:
    return {
        "split": split.name, "role": split.role, "what": what, "count": count, "samples": len(split),
        "examples": keys, "message": message,
    }  # fmt: skip
