"""One row a sample: what is kept of the data, small enough to hold all of it in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.data.chunks import Kind, Problem, Role, role_of

Floats = npt.NDArray[np.float32]
Words = npt.NDArray[np.uint64]

# A target with more different values than this (and numbers with a fraction) is a number, not a class.
MAX_CLASSES = 1_000
# Columns by which two splits differ that are named.
MAX_TOLD = 4


@dataclass(frozen=True, slots=True)
class Rows:
    """What is kept of n samples.

    Args:
        keys: names of the samples, or None where the number within the split is the name.
        prints: of the whole input, uint64 [n]: equal for equal inputs, and else not (64 bits).
        features: float32 [n, d]: what neighbours, outliers and simple models are looked for in; NaN for missing values.
        near: uint64 [n, k], a perceptual hash or signature, or [n, 0] where features serve.
        attributes: [n] each: float64 (NaN: unknown) or strings (object).
        targets: [n]: labels as strings or int64, float64, or None without.
        names: of the features, d or none.
        problems: samples that could not be used.
        categorical: names of the features that are codes of words: equal or not, but neither near nor far.
    """

    keys: Sequence[str] | None
    prints: Words
    features: Floats
    near: Words
    attributes: Mapping[str, npt.NDArray[Any]]
    targets: npt.NDArray[Any] | None
    names: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    categorical: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.prints)


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of successive parts, in their order.

    An attribute that some parts lack is unknown there; targets count only if all parts with samples have them.
    """
    full = [p for p in parts if len(p)] or list(parts[:1])
    keyed = any(p.keys is not None for p in full)
    names = list(dict.fromkeys(chain.from_iterable(p.attributes for p in full)))
    aimed = bool(full) and all(p.targets is not None for p in full)
    return Rows(
        _keys(parts) if keyed else None,
        np.concatenate([p.prints for p in full]),
        np.concatenate([p.features for p in full]),
        np.concatenate([p.near for p in full]),
        {name: np.concatenate([_attribute(p, name) for p in full]) for name in names},
        np.concatenate([np.asarray(p.targets) for p in full]) if aimed else None,
        next((p.names for p in full if p.names), ()),
        tuple(chain.from_iterable(p.problems for p in parts)),
        next((p.categorical for p in full if p.categorical), ()),
    )


def _keys(parts: Sequence[Rows]) -> list[str]:
    """All keys; a sample without one has its number, which counts those that could not be used."""
    found: list[str] = []
    number = 0
    for part in parts:
        found += part.keys if part.keys is not None else map(str, range(number, number + len(part)))
        number += len(part) + len(part.problems)
    return found


def _attribute(part: Rows, name: str) -> npt.NDArray[Any]:
    found = part.attributes.get(name)
    return np.full(len(part), np.nan) if found is None else found


@dataclass(frozen=True)
class Split:
    """All samples of a split.

    Attributes:
        name, role: what it is called, and for (`train`, `val`, `test`, `other`).
        rows: of the samples.
        labels: int64 [n]: class of each sample as a position in `Audited.classes`, -1 without; None for regression.
        numbers: float64 [n] for regression, else None.
    """

    name: str
    role: Role
    rows: Rows
    labels: npt.NDArray[np.int64] | None = None
    numbers: npt.NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def key(self, sample: int) -> str:
        """By which a person finds a sample."""
        keys = self.rows.keys
        return keys[sample] if keys is not None else str(sample)


def alike(splits: Sequence[Split]) -> list[Split]:
    """Those with samples whose features mean the same as those of the first such: others are near none of them."""
    full = [s for s in splits if len(s)]
    return [s for s in full if _form(s.rows) == _form(full[0].rows)]


def unlike(splits: Sequence[Split]) -> list[str]:
    """A line for each split whose samples are of another form than those of the first with any."""
    full = [s for s in splits if len(s)]
    same = {s.name for s in alike(splits)}
    return [
        f"samples of {s.name} are of another form than those of {full[0].name} ({_told(s.rows, full[0].rows)}): near "
        "samples, drift and labels are not compared between them"
        for s in full if s.name not in same
    ]  # fmt: skip


def _told(rows: Rows, others: Rows) -> str:
    """In what they differ: names of columns where there are few, else how many values."""
    ours, theirs = set(rows.names) - set(others.names), set(others.names) - set(rows.names)
    few = [*sorted(f"without {name}" for name in theirs), *sorted(f"with {name}" for name in ours)]
    if rows.names and others.names and 0 < len(few) <= MAX_TOLD:
        return ", ".join(few)
    return f"{_values(rows)} against {_values(others)}"


def _values(rows: Rows) -> str:
    """Wide samples are kept as projections, whose names tell how wide they are."""
    found = re.search(r"of (\d+) values$", rows.names[0]) if rows.names else None
    return f"{found[1] if found else rows.features.shape[1]} values"


def _form(rows: Rows) -> tuple[int, tuple[str, ...]]:
    return rows.features.shape[1], rows.names


@dataclass(frozen=True)
class Audited:
    """All that one pass over the data has left, for `faults` to look at.

    Attributes:
        kind: of the samples; `name`: of the data.
        splits: by name, the training data first.
        classes: names of the classes in order; empty for regression or without targets.
        summaries: by split, mergeable statistics of the features.
        live: the inputs are what enters a net, not files that a program is yet to convert.
        facts: what the user said of the data (`group`, `time`: names of attributes).
        sketches: by split, what is kept of columns or attributes besides.
        shared: what one look has found that others need too, by its name.
    """

    kind: Kind
    name: str
    splits: Mapping[str, Split]
    classes: tuple[str, ...] = ()
    summaries: Mapping[str, Any] = field(default_factory=dict)
    live: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    sketches: Mapping[str, Any] = field(default_factory=dict)
    shared: dict[str, Any] = field(default_factory=dict, compare=False)

    def of(self, role: Role) -> list[Split]:
        """The splits of a role that have samples."""
        return [s for s in self.splits.values() if s.role == role and len(s)]

    @property
    def train(self) -> Split | None:
        """The training data; the only split, where there is one, whatever its name."""
        found = self.of("train")
        if found or len(self.splits) != 1:
            return found[0] if found else None
        return next(iter(self.splits.values()))

    @property
    def held_out(self) -> list[Split]:
        """The splits that are to tell how good a model is."""
        return [*self.of("val"), *self.of("test")]


def splits_of(rows: Mapping[str, Rows], task: str | None = None) -> tuple[dict[str, Split], tuple[str, ...]]:
    """Splits with their targets as classes or numbers; gives also the names of the classes.

    Args:
        task: `classification` or `regression`; None to tell it from the targets.
    """
    targets = _single({name: r.targets for name, r in rows.items() if r.targets is not None and len(r)})
    classes: tuple[str, ...] = ()
    if targets and task != "regression":
        classes = _classes(list(targets.values()), sure=task is not None)
    position = {name: i for i, name in enumerate(classes)}
    found: dict[str, Split] = {}
    for name, one in rows.items():
        labels = numbers = None
        if name in targets and classes:
            unique, inverse = np.unique(_words(targets[name]), return_inverse=True)
            labels = np.array([position.get(u, -1) for u in unique.tolist()], dtype=np.int64)[inverse]
        elif name in targets and targets[name].dtype.kind in "fiub":
            numbers = targets[name].astype(np.float64)
        found[name] = Split(name, role_of(name), one, labels, numbers)
    order = sorted(found, key=lambda n: found[n].role != "train")
    return {name: found[name] for name in order}, classes


def _single(targets: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
    """One target a sample: of targets [n, k] the class, where all are one-hot; else none, as several are no class."""
    wide = {name: t.reshape(len(t), -1) for name, t in targets.items() if t.ndim > 1}
    hot = all(np.isin(t, (0, 1)).all() and (np.count_nonzero(t, axis=1) == 1).all() for t in wide.values())
    return {name: wide[name].argmax(axis=1) if name in wide else t for name, t in targets.items()
            if name not in wide or hot}  # fmt: skip


def _words(targets: npt.NDArray[Any]) -> npt.NDArray[np.str_]:
    whole = targets.dtype.kind == "f" and bool(np.all(targets[np.isfinite(targets)] % 1 == 0))
    if whole:
        return np.array([str(int(t)) if np.isfinite(t) else "" for t in targets.tolist()])
    return np.array(["" if t is None else str(t) for t in targets.tolist()])


def _classes(targets: Sequence[npt.NDArray[Any]], *, sure: bool) -> tuple[str, ...]:
    """Names in order, whole numbers by their size; empty where the targets are numbers to be predicted."""
    numeric = all(t.dtype.kind in "fiub" for t in targets)
    if numeric:
        values = np.unique(np.concatenate([t[np.isfinite(t.astype(np.float64))].astype(np.float64) for t in targets]))
        total = sum(len(t) for t in targets)
        few = len(values) <= min(MAX_CLASSES, max(2, total // 2)) and bool(np.all(values % 1 == 0))
        if not sure and not (few and _named(values, total)):
            return ()
        return tuple(str(int(v)) if v % 1 == 0 else str(v) for v in values.tolist())
    names = set(chain.from_iterable(_words(t).tolist() for t in targets)) - {""}
    return tuple(sorted(names))


def _named(values: npt.NDArray[np.float64], total: int) -> bool:
    """Whole numbers that look like classes: few for so many samples, and with hardly a gap between them."""
    span = float(values[-1] - values[0]) + 1 if len(values) else 0.0
    return len(values) <= max(20, total // 20) and len(values) >= 0.5 * span
