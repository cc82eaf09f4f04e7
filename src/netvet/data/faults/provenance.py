"""When and from whom samples are: training data from after the validation data, and groups in two splits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import Record
from netvet.data.chunks import is_id
from netvet.data.faults import NotAssessable
from netvet.data.index import Audited, Split

EXAMPLES = 10
# Numbers in a column of times that are seconds since 1970: from 1985 to 2100.
EPOCH = (4.7e8, 4.1e9)
# A split by time has almost all of the training data before the validation data: by chance it is half.
INTENT = 0.8
# A column that looks like a group id: its values repeat, and are many.
REPEATS, MANY = 2.0, 20


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
    found = []
    for name, (ours, said) in columns.items():
        for split in data.held_out:
            theirs = _column(split, name)
            if theirs is not None:
                shown = str(data.facts.get("group", name)) if said else name
                found.append(_shared(train, split, shown, ours, theirs, said=said))
    return found


def _shared(
    train: Split, split: Split, shown: str, ours: npt.NDArray[Any], theirs: npt.NDArray[Any], *, said: bool
) -> Record:
    own, other = set(_words(ours)) - {""}, _words(theirs)
    both = [i for i, word in enumerate(other) if word in own]
    groups = list(dict.fromkeys(other[i] for i in both))
    return {
        "train": train.name, "split": split.name, "column": shown, "said": said, "groups": len(set(other) - {""}),
        "shared": len(groups), "samples": len(other), "shared_samples": len(both), "train_groups": len(own),
        "examples": [{"group": other[i], "sample": split.key(i)} for i in both[:EXAMPLES]],
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
    return kinds >= MANY and len(values) >= REPEATS * kinds


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
