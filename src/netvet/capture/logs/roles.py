"""What each column of a log is: guessed from its name, its numbers and its neighbours, and said with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from netvet.capture.logs.table import Column, Table
from netvet.capture.logs.words import ACCURACY, CLOCK, EPOCH, ERRORS, LOSS, STEP, TRAIN, VAL, words_of
from netvet.core import NetvetError

Role = Literal[
    "step", "epoch", "loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "grad_norm", "param_grad_norm",
    "param_norm", "update_ratio", "loss_scale", "metric", "clock",
]  # fmt: skip
Sure = Literal["told", "sure", "likely", "guess"]
ROLES: tuple[str, ...] = get_args(Role)
# The steps of a run by the names that loggers give them, the best first.
_STEPS = ("global_step", "trainer/global_step", "train/global_step", "step", "iter", "iteration", "steps", "_step")
_AGAIN = re.compile(r"(?i)[_/](step|epoch)$")
_RATE = re.compile(r"lr\d*")
# A share that rises by less may be a small loss that wavers.
CLEAR_RISE = 0.03
_TOTALS = ({"loss"}, {"train", "loss"}, {"total", "loss"}, {"training", "loss"}, {"train", "total", "loss"},
           {"epoch", "loss"}, {"train", "epoch", "loss"})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Guess:
    """One column: its role, how sure that is, and why."""

    column: str
    role: Role
    sure: Sure
    why: str = ""


def guess(table: Table, told: Mapping[str, str]) -> list[Guess]:
    """The role of every column.

    Args:
        told: role -> column, as the user says.

    Raises:
        NetvetError: such a role, or column, does not exist.
    """
    by_user = _told(table, told)
    found = {name: by_user.get(name) or _one(name, column) for name, column in table.columns.items() if name != "_of"}
    fixed = set(told)
    for name, one in found.items():
        if one.role in fixed and one.sure != "told":
            found[name] = Guess(name, "metric", "likely", f"beside {told[one.role]}")
    if not any(g.role == "loss" for g in found.values()) and "loss" not in fixed:
        _errors_as_losses(found)
    if not any(g.role == "val_loss" for g in found.values()) and not fixed & {"loss", "val_loss"}:
        _bare_sides(found, table.columns)
    for role in ("loss", "val_loss"):
        if role not in fixed:
            _one_loss(found, table.columns, role)
    for role in ("train_accuracy", "val_accuracy"):
        _first(found, table.columns, role, fixed)
    _one_clock(found)
    return list(found.values())


def require_roles(told: Iterable[str]) -> None:
    """Find a role that does not exist before anything is read.

    Raises:
        NetvetError: there is one.
    """
    for role in told:
        if role not in ROLES:
            raise NetvetError(f"--column {role}=...: there is no such role; expected one of {', '.join(ROLES)}")


def _told(table: Table, told: Mapping[str, str]) -> dict[str, Guess]:
    require_roles(told)
    found = {}
    for role, name in told.items():
        if name not in table.columns:
            shown = ", ".join(list(table.columns)[:12])
            raise NetvetError(f"--column {role}={name}: {table.path} has no such column; it has {shown}")
        found[name] = Guess(name, role, "told", "--column")  # type: ignore[arg-type]
    return found


def _one(name: str, column: Column) -> Guess:
    words = words_of(name)
    known = set(words)
    last = words[-1] if words else ""
    side = "val" if known & VAL else ""
    rate = any(_RATE.fullmatch(word) for word in words) or ("learning" in known and "rate" in known)
    if rate and not known & LOSS:
        return Guess(name, "lr", "sure" if words in (["lr"], ["learning", "rate"]) else "likely", "its name")
    if "norm" in known or "gnorm" in known:
        return _norm(name, words)
    if known & {"scale", "scaler"} and known & {"loss", "grad", "amp"}:
        return Guess(name, "loss_scale", "likely", "its name")
    axis = _axis(name, words, column)
    if axis is not None:
        return axis
    if known & CLOCK and not known & (LOSS | ACCURACY):
        return Guess(name, "clock", "likely", "its name")
    if known & LOSS:
        sure: Sure = "sure" if known <= LOSS | TRAIN | VAL | {"epoch", "step"} else "likely"
        return Guess(name, "val_loss" if side else "loss", sure, "its name")
    if known & ACCURACY and not known & {"top5", "5", "@5"} and "5" not in last:
        return Guess(name, "val_accuracy" if side else "train_accuracy", "likely", "its name")
    if "ratio" in known and known & {"update", "updates"}:
        return Guess(name, "update_ratio", "likely", "its name")
    return Guess(name, "metric", "sure")


def _norm(name: str, words: Sequence[str]) -> Guess:
    """Norms: of all gradients, or of one layer where a layer is named."""
    known = set(words)
    if known & {"grad", "gradient", "gradients", "grads", "gnorm"}:
        layer = bool(re.search(r"\.(weight|bias)|layer|\b(conv|fc|block|linear)\w*\d", name, re.IGNORECASE))
        return Guess(name, "param_grad_norm" if layer else "grad_norm", "likely" if layer else "sure", "its name")
    if known & {"param", "weight", "weights", "params"}:
        return Guess(name, "param_norm", "likely", "its name")
    return Guess(name, "metric", "sure")


def _axis(name: str, words: Sequence[str], column: Column) -> Guess | None:
    """A clock: named as one, alone or behind `train/`, and never falling for long."""
    bare = [word for word in words if word not in TRAIN | VAL | {"trainer", "global", "current", "num", "n", "total"}]
    steady = len(column) < 2 or bool(np.mean(column.values[1:] >= column.values[:-1]) > 0.5)
    if len(bare) != 1 or not steady:
        return None
    if bare[0] in EPOCH:
        return Guess(name, "epoch", "sure", "its name")
    return Guess(name, "step", "sure", "its name") if bare[0] in STEP else None


def _errors_as_losses(found: dict[str, Guess]) -> None:
    """Where nothing is called a loss, an error that is minimised stands for it."""
    for name, one in list(found.items()):
        known = set(words_of(name))
        if one.role == "metric" and known & ERRORS:
            role: Role = "val_loss" if known & VAL else "loss"
            found[name] = Guess(name, role, "guess", "nothing is called a loss")


def _bare_sides(found: dict[str, Guess], columns: Mapping[str, Column]) -> None:
    """`train 0.40 val 0.29`: losses, or where they are shares of which one rises, accuracies."""
    sides = {
        name: columns[name].values
        for name, one in found.items()
        if one.role == "metric" and set(words_of(name)) <= TRAIN | VAL and len(words_of(name)) == 1
        and len(columns[name]) > 1
    }  # fmt: skip
    shares = all(bool(((values >= 0) & (values <= 1)).all()) for values in sides.values())
    rising = shares and any(_rise(values) > CLEAR_RISE for values in sides.values())
    for name in sides:
        side = "val" if set(words_of(name)) & VAL else "train"
        role: Role = ("val_accuracy" if side == "val" else "train_accuracy") if rising else "loss"
        role = "val_loss" if role == "loss" and side == "val" else role
        if role == "loss" and any(other.role == "loss" for other in found.values()):
            continue
        found[name] = Guess(name, role, "guess", "its side alone")


def _rise(values: npt.NDArray[np.float64]) -> float:
    """From the first third to the last."""
    third = max(1, len(values) // 3)
    return float(values[-third:].mean() - values[:third].mean())


def _one_loss(found: dict[str, Guess], columns: Mapping[str, Column], role: str) -> None:
    """Of the same loss in several columns the one that says most; of a total and its terms the total."""
    names = [name for name, one in found.items() if one.role == role]
    if len(names) < 2:
        return
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(" ".join(words_of(_AGAIN.sub("", name))), []).append(name)
    for same in groups.values():
        keep = max(same, key=lambda name: len(columns[name]))
        for name in same:
            if name != keep:
                found[name] = Guess(name, "metric", "likely", f"the same as {keep}")
    left = [name for name in names if found[name].role == role]
    total = _total(left, columns, role)
    for name in left:
        if total is not None and name != total:
            found[name] = Guess(name, "metric", "likely", f"a part of, or beside, {total}")


def _total(names: Sequence[str], columns: Mapping[str, Column], role: str) -> str | None:
    """The loss among these that is not a part of another; None where none is called so."""
    if role == "val_loss":  # the test data are not what a run is steered by
        steering = [name for name in names if not set(words_of(name)) & {"test", "testing"}]
        names = steering or names
        whole = [n for n in names if set(words_of(n)) - VAL - {"epoch"} in ({"loss"}, {"total", "loss"})]
    else:
        whole = [n for n in names if set(words_of(_AGAIN.sub("", n))) in _TOTALS]
    if not whole:
        return names[0] if len(names) == 1 else None
    return max(whole, key=lambda name: len(columns[name]))


def _first(found: dict[str, Guess], columns: Mapping[str, Column], role: str, fixed: set[str]) -> None:
    """Of several accuracies of one side the fullest; the others are metrics."""
    names = [name for name, one in found.items() if one.role == role]
    if len(names) < 2 or role in fixed:
        return
    plain = [name for name in names if not set(words_of(name)) & {"test", "testing", "balanced", "top"}] or names
    keep = max(plain, key=lambda name: len(columns[name]))
    for name in names:
        if name != keep:
            found[name] = Guess(name, "metric", "likely", f"beside {keep}")


def _one_clock(found: dict[str, Guess]) -> None:
    """One column each counts steps and epochs; the others are no metrics either."""
    for role in ("step", "epoch"):
        names = [name for name, one in found.items() if one.role == role]
        told = [name for name in names if found[name].sure == "told"]
        ranked = told or sorted(names, key=lambda name: _STEPS.index(name.lower()) if name.lower() in _STEPS else 50)
        for name in names:
            if name != ranked[0]:
                found[name] = Guess(name, "clock", "likely", f"beside {ranked[0]}")
