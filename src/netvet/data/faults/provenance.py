"""When and from whom samples are: training data from after the validation data, and groups in two splits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.chunks import is_id, is_owner
from netvet.data.faults import NotAssessable
from netvet.data.faults.drift import FEWEST, TOLD_APART, drawn, told_apart
from netvet.data.index import Audited, Split, alike

Numbers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EXAMPLES = 10
# Numbers in a column of times that are seconds since 1970: from 1985 to 2100.
EPOCH = (4.7e8, 4.1e9)
# A split by time has almost all of the training data before the validation data: by chance it is half.
INTENT = 0.8
# A column that looks like a group id: its values repeat, and are many.
REPEATS, MANY, MANY_OWNERS = 2.0, 20, 10
# Groups and samples held out below which a relation between targets and groups is none to rely on.
SHARED_GROUPS, SHARED_SAMPLES = 5, 20
# Agreement from which on it is worth a look whether the splits are random parts; the check asks for no less.
TELLS = 0.3
# Area under the curve, and standard errors from 0.5, of a classifier that tells splits apart: no random parts.
AREA, ERRORS = 0.6, 4.0
# Groups for each class that has any: fewer, and the group is another name of the class (speaker recognition).
A_CLASS = 2.0


def future_in_train(data: Audited) -> list[Record]:
    """Records of the signal `time_order`: one for each held-out split with times."""
    train = data.train
    if train is None or not data.held_out:
        raise NotAssessable("it takes training data and data that are held out")
    said = "time" in data.facts
    ours = _times(train, data.facts)
    if ours is None or not np.isfinite(ours).any():
        raise NotAssessable("the samples have no times (--time NAME says which column)")
    found: list[Record] = []
    for split in data.held_out:
        theirs = _times(split, data.facts)
        if theirs is None or not np.isfinite(theirs).any():
            continue
        first = float(np.nanmin(theirs))
        late = np.flatnonzero(ours > first)
        late = late[np.argsort(-ours[late], kind="stable")]
        below = np.sort(ours[np.isfinite(ours)])
        before = float(np.mean(np.searchsorted(below, theirs[np.isfinite(theirs)], side="right") / len(below)))
        last = float(np.nanmax(ours))
        found.append(
            {"train": train.name, "split": split.name, "samples": int(np.isfinite(ours).sum()), "late": len(late),
             "said": said, "intent": before, "first": first, "last": last,
             "first_shown": _shown(train, data.facts, first), "last_shown": _shown(train, data.facts, last),
             "examples": [train.key(int(i)) for i in late[:EXAMPLES]]}
        )  # fmt: skip
    if not found:
        raise NotAssessable("the held-out samples have no times")
    return found


def group_overlap(data: Audited) -> list[Record]:
    """Records of the signal `group_overlap`: one for each held-out split and kind of group."""
    train = data.train
    if train is None or not data.held_out:
        raise NotAssessable("it takes training data and data that are held out")
    columns = _group_columns(data, train)
    if not columns:
        raise NotAssessable("the samples have no groups (--group NAME says which column)")
    found: list[Record] = []
    for name, (ours, said) in columns.items():
        for split in data.held_out:
            theirs = _column(split, name)
            if theirs is not None:
                shown = str(data.facts.get("group", name)) if said else name
                record = _shared(train, split, shown, ours, theirs, said=said)
                alike = None if said or not is_owner(name) else _alike(train, split, _words(ours), _words(theirs))
                told = alike is not None and alike >= TELLS
                found.append({**record, "alike": alike, "random": _is_random(train, split) if told else None})
    return found


def _alike(train: Split, split: Split, ours: list[str], theirs: list[str]) -> float | None:
    """How far the targets of a group in training tell those held out: 0 as much as any other group's do, 1 wholly.

    Groups of two splits that merely have the same names (each counts its own patients) tell nothing. None where there
    are too few, or the group is what is to be predicted.
    """
    classes = train.labels is not None and split.labels is not None
    aimed: list[Any] = [s.labels if classes else s.numbers for s in (train, split)]
    if aimed[0] is None or aimed[1] is None:
        return None
    known = [(a >= 0) if classes else np.isfinite(a) for a in aimed]
    names, codes = np.unique([*ours, *theirs], return_inverse=True)
    mine, other = (c[k] for c, k in zip(np.split(codes.reshape(-1), [len(ours)]), known, strict=True))
    told, asked = aimed[0][known[0]], aimed[1][known[1]]
    sizes = np.bincount(mine, minlength=len(names))
    shared = (sizes[other] > 0) & (names[other] != "")
    other, asked = other[shared], asked[shared]
    if len(np.unique(other)) < SHARED_GROUPS or len(other) < SHARED_SAMPLES:
        return None
    return _agreement(mine, told, other, asked) if classes else _explained(mine, told, other, asked)


def _agreement(mine: Numbers, told: Numbers, other: Numbers, asked: Numbers) -> float | None:
    """Cohen's kappa between held-out labels and those of the training samples of their groups."""
    count = int(max(told.max(), asked.max())) + 1
    table = np.zeros((int(max(mine.max(), other.max())) + 1, count))
    np.add.at(table, (mine, told), 1.0)
    if np.count_nonzero(table.sum(axis=1)) < A_CLASS * np.count_nonzero(table.sum(axis=0)):
        return None
    equal = float(np.mean(table[other, asked] / table[other].sum(axis=1)))
    chance = float(np.mean((table.sum(axis=0) / table.sum())[asked]))
    return (equal - chance) / (1 - chance) if chance < 1 else None


def _explained(mine: Numbers, told: Floats, other: Numbers, asked: Floats) -> float | None:
    """Share of the variance of held-out numbers that the means of their groups in training explain."""
    sums, sizes = (np.bincount(mine, w, minlength=int(max(mine.max(), other.max())) + 1) for w in (told, None))
    spread = float(np.var(asked))
    return max(0.0, 1 - float(np.mean((asked - sums[other] / sizes[other]) ** 2)) / spread) if spread > 0 else None


def _is_random(train: Split, split: Split) -> bool:
    """Whether they look like random parts of one data set: a split by time, or by design, differs in something."""
    if _in_order(train, split):
        return False
    if split not in alike([train, split]):
        return True
    names = train.rows.names
    used = [c for c in range(train.rows.features.shape[1]) if not names or not is_id(names[c])]
    parts = [drawn(s.rows.features[:, used], TOLD_APART, seed) for seed, s in enumerate((train, split))]
    found = told_apart(*parts) if used and min(map(len, parts)) >= FEWEST else {}
    return not (found.get("area", 0.5) >= AREA and found.get("area_z", 0.0) >= ERRORS)


def _in_order(train: Split, split: Split) -> bool:
    """Some column has all of the training data on one side and all that is held out on the other: a split by time."""
    facts = [n for n in train.rows.attributes if n in split.rows.attributes and not is_id(n)]
    ours, theirs = train.rows, split.rows
    features = range(ours.features.shape[1]) if split in alike([train, split]) else ()
    columns = [c for c in features if not ours.names or not is_id(ours.names[c])]
    return any(_apart(ours.attributes[n], theirs.attributes[n]) for n in facts) or any(
        _apart(ours.features[:, c], theirs.features[:, c]) for c in columns
    )


def _apart(ours: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> bool:
    if ours.dtype.kind == theirs.dtype.kind == "O":  # dates, that are as they are sorted
        ours, theirs = (np.array([_seconds(v) for v in one.tolist()]) for one in (ours, theirs))
    if any(one.dtype.kind not in "fiu" or not np.isfinite(one).any() for one in (ours, theirs)):
        return False
    varies = min(len(np.unique(one[np.isfinite(one)])) for one in (ours, theirs)) > 1
    before, after = np.nanmax(ours) <= np.nanmin(theirs), np.nanmax(theirs) <= np.nanmin(ours)
    return bool(varies and (before or after))


def _shared(
    train: Split, split: Split, shown: str, ours: npt.NDArray[Any], theirs: npt.NDArray[Any], *, said: bool
) -> Record:
    own, other = set(_words(ours)) - {""}, _words(theirs)
    coded = shown in split.rows.categorical  # words of which codes are all that is kept
    both = [i for i, word in enumerate(other) if word in own]
    groups = list(dict.fromkeys(other[i] for i in both))
    return {
        "train": train.name, "split": split.name, "column": shown, "said": said, "groups": len(set(other) - {""}),
        "shared": len(groups), "samples": len(other), "shared_samples": len(both), "train_groups": len(own),
        "examples": [{"group": None if coded else other[i], "sample": split.key(i)} for i in both[:EXAMPLES]],
    }  # fmt: skip


def _group_columns(data: Audited, train: Split) -> dict[str, tuple[npt.NDArray[Any], bool]]:
    """Columns of groups: those that the user named, else those that look like ids of persons or devices."""
    named = _named(train, data.facts, "group")
    if named is not None:
        return {named: (train.rows.attributes[named], True)}
    found = {name: (values, False) for name in train.rows.attributes if _is_id(name, values := _column(train, name))}
    found |= {
        name: (values, False) for name in train.rows.names if _is_id(name, values := _column(train, name))
    }  # fmt: skip
    return {name: (np.asarray(values), said) for name, (values, said) in found.items() if values is not None}


def _column(split: Split, name: str) -> npt.NDArray[Any] | None:
    """An attribute or a feature by its name."""
    if name in split.rows.attributes:
        return split.rows.attributes[name]
    names = split.rows.names
    return split.rows.features[:, names.index(name)] if name in names else None


def _is_id(name: str, values: npt.NDArray[Any] | None) -> bool:
    if values is None or not is_id(name):
        return False
    if values.dtype.kind == "f" and (not np.isfinite(values).all() or np.any(values % 1)):
        return False
    kinds = len(set(_words(values)))
    return kinds >= (MANY_OWNERS if is_owner(name) else MANY) and len(values) >= REPEATS * kinds


def _words(values: npt.NDArray[Any]) -> list[str]:
    if values.dtype.kind == "f":
        return [f"{v:g}" if v % 1 else str(int(v)) if np.isfinite(v) else "" for v in values.tolist()]
    return ["" if v is None else str(v) for v in values.tolist()]


def _named(split: Split, facts: Mapping[str, Any], what: str) -> str | None:
    """The attribute that holds what the user named."""
    return next((n for n in (what, str(facts.get(what))) if n in split.rows.attributes), None)


def _times(split: Split, facts: Mapping[str, Any]) -> npt.NDArray[np.float64] | None:
    """Times [n] as numbers: seconds where they are dates."""
    name = _named(split, facts, "time")
    if name is None:
        return None
    values = split.rows.attributes[name]
    if values.dtype.kind in "fiub":
        return values.astype(np.float64)
    return np.array([_seconds(v) for v in values.tolist()])


def _seconds(text: Any) -> float:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        try:
            return float(text)
        except (TypeError, ValueError):
            return np.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _shown(split: Split, facts: Mapping[str, Any], time: float) -> str:
    """A time as a person wrote it."""
    name = _named(split, facts, "time")
    values = split.rows.attributes[name] if name is not None else np.zeros(0)
    if values.dtype.kind in "fiub" and not EPOCH[0] <= time <= EPOCH[1]:
        return f"{time:g}"
    shown = datetime.fromtimestamp(time, UTC)
    return shown.date().isoformat() if shown.timestamp() % 86_400 == 0 else shown.isoformat(sep=" ", timespec="seconds")
