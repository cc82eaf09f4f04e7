"""Where on the way of a training each row of a log stands: its step, its epoch, or its place in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from netvet.capture.logs.roles import Guess
from netvet.capture.logs.table import Column, Table
from netvet.core import Series, Unit

Places = npt.NDArray[np.float64]
# Steps that fall back more often than at this share of the values are no resumed runs: many processes wrote.
UNORDERED = 0.2
# Values of one series that checks see: windows over ten times as many take seconds and hundreds of megabytes.
MOST = 100_000
# A part of a log with fewer values is no run of its own.
FEWEST = 3


@dataclass(frozen=True, slots=True)
class Axis:
    """The place of each row.

    Args:
        unit: what places count. at: place of each row, float64 [rows]; NaN before the first is known.
        why: in words.
    """

    unit: Unit
    at: Places
    why: str


def axis_of(table: Table, guesses: list[Guess]) -> Axis:
    """The axis of a log."""
    by_role = {one.role: table.columns[one.column] for one in guesses if one.role in ("step", "epoch")}
    main = main_column(table, guesses)
    step, epoch = by_role.get("step"), by_role.get("epoch")
    if step is not None:
        named = next(one.column for one in guesses if one.role == "step")
        told = any(one.role == "step" and one.sure == "told" for one in guesses)
        return _of_steps(table, guesses, step, epoch, main, named, told=told)
    if epoch is not None and _is_one_a_row(epoch, main):
        return Axis("epoch", _filled(epoch, table.count), "the epoch column")
    rows = np.arange(table.count, dtype=np.float64)
    if epoch is None and _validated_everywhere(table, guesses, rows):
        return Axis("epoch", rows + 1, "no step or epoch column; every row has training and validation values")
    why = "several rows an epoch and no step column" if epoch is not None else "no step or epoch column"
    return Axis("record", rows, why)


def main_column(table: Table, guesses: list[Guess]) -> Column:
    """The column by which places are judged: a training loss, else the longest of all."""
    for role in ("loss", "val_loss"):
        found = [table.columns[one.column] for one in guesses if one.role == role]
        if found:
            return max(found, key=len)
    return max(table.columns.values(), key=len)


def _of_steps(
    table: Table, guesses: list[Guess], step: Column, epoch: Column | None, main: Column, named: str, *, told: bool
) -> Axis:
    at = _filled(step, table.count)
    if epoch is not None:
        epochs = _filled(epoch, table.count)
        counted = _counted_on(step, epochs, table)
        if counted is not None:
            return Axis("step", counted, f"{named}, counted on over epochs")
        same = np.ptp(epochs[step.rows] - step.values) == 0 if len(step) > 2 else False
        calls = named == "_step" and _is_one_a_row(epoch, main)
        if (same or calls) and not told and _is_one_a_row(epoch, main):
            return Axis("epoch", epochs, "the epoch column")
    if not told and (_is_of_keras(table, guesses) or (epoch is None and _validated_everywhere(table, guesses, at))):
        return Axis("epoch", at, f"{named}: training and validation have a value at each")
    return Axis("step", _on_one_clock(table, guesses, at, main), named)


def _filled(column: Column, count: int) -> Places:
    """The last known value at each row; those before the first have the first."""
    at = np.full(count, np.nan)
    at[column.rows] = column.values
    known = np.where(np.isfinite(at), np.arange(count), -1)
    last = np.maximum.accumulate(known)
    first = int(known[known >= 0][0]) if (known >= 0).any() else 0
    return at[np.where(last < 0, first, last)]


def _is_one_a_row(epoch: Column, main: Column) -> bool:
    """Whole epochs, each with one value of the loss."""
    seen = _filled(epoch, int(max(epoch.rows[-1], main.rows[-1])) + 1)[main.rows]
    whole = bool(np.isfinite(seen).all()) and bool((seen == np.round(seen)).all())
    return whole and len(np.unique(seen)) >= 0.8 * len(seen)


# Steps that are infinite differ by no number.
@np.errstate(invalid="ignore")
def _validated_everywhere(table: Table, guesses: list[Guess], at: Places) -> bool:
    """Training and validation have values at the same places, one after the other: nobody validates at each step."""
    train, val = (
        next((table.columns[one.column] for one in guesses if one.role in roles), None)
        for roles in (("loss", "train_accuracy"), ("val_loss", "val_accuracy"))
    )
    if train is None or val is None or len(train) < FEWEST:
        return False
    places, others = np.unique(at[train.rows]), np.unique(at[val.rows])
    steady = bool((np.diff(places) == 1).all())
    return steady and len(np.intersect1d(places, others)) >= 0.8 * len(places) and len(places) <= 2000


def _is_of_keras(table: Table, guesses: list[Guess]) -> bool:
    """TensorBoard events that Keras wrote count epochs under names that say so."""
    losses = [one.column for one in guesses if one.role in ("loss", "val_loss")]
    return bool(losses) and all(name.rpartition("/")[2].startswith("epoch_") for name in losses)


def _counted_on(step: Column, epochs: Places, table: Table) -> Places | None:
    """Steps that begin anew in every epoch, counted on; None where they do not."""
    values, inside = step.values, epochs[step.rows]
    falls, rises = values[1:] < values[:-1], inside[1:] > inside[:-1]
    if not falls.any() or not (falls == (falls & rises)).all() or falls.sum() < 0.5 * rises.sum():
        return None
    period = float(values.max()) + (1 if values.min() == 0 else 0)
    of = table.columns.get("_of")
    if of is not None and len(of) and float(of.values.max()) >= values.max():
        period = float(of.values.max())
    return _filled(Column(step.rows, values + (inside - inside[0]) * period), table.count)


@np.errstate(invalid="ignore")
def _on_one_clock(table: Table, guesses: list[Guess], at: Places, main: Column) -> Places:
    """Columns that count epochs, beside a loss that counts steps, placed where the loss was when they came."""
    placed = at.copy()
    last = np.full(table.count, np.nan)
    last[main.rows] = at[main.rows]
    last = _filled(Column(main.rows, at[main.rows]), table.count)
    for one in guesses:
        column = table.columns[one.column]
        if column is main or one.role in ("step", "epoch", "clock") or len(column) < FEWEST:
            continue
        own, there = at[column.rows], last[column.rows]
        apart = own.max() < 0.5 * at[main.rows].max() and bool((np.diff(own) == 1).all())
        if apart and bool((np.diff(there) > 0).all()):
            placed[column.rows] = there
    return placed


def series_of(column: Column, axis: Axis) -> Series:
    """The values of a column at their places; of a place that comes twice, and of what was trained again, the last."""
    places = np.round(axis.at[column.rows])
    known = np.isfinite(places) & (np.abs(places) < 2**53)
    places, values = places[known].astype(np.int64), column.values[known]
    later = np.minimum.accumulate(places[::-1])[::-1]
    keep = np.append(places[:-1] < later[1:], True) if len(places) else np.zeros(0, bool)
    if keep.sum() < 0.5 * len(np.unique(places)):  # out of order, not trained again
        order = np.argsort(places, kind="stable")
        places, values = places[order], values[order]
        keep = np.append(np.diff(places) > 0, True)
    return _thinned(Series(places[keep], values[keep], None, axis.unit))


def _thinned(series: Series) -> Series:
    """Of a very long series every so manieth value, and each that is not finite; as a stored run does."""
    stride = -(-len(series) // MOST)
    if stride <= 1:
        return series
    kept = np.zeros(len(series), bool)
    kept[stride - 1 :: stride] = kept[[0, -1]] = True
    broken = np.flatnonzero(~np.isfinite(series.values))
    kept[broken[:: -(-max(len(broken), 1) // MOST)]] = True
    at = np.flatnonzero(kept)
    return Series(series.steps[at], series.values[at], np.diff(at, prepend=-1), series.unit)


def run_starts(table: Table, guesses: list[Guess], axis: Axis) -> list[int]:
    """Rows at which another run begins: where its steps, or its epochs, begin anew."""
    main = main_column(table, guesses)
    starts, _ = starts_of(main, axis)
    epoch = next((table.columns[one.column] for one in guesses if one.role == "epoch"), None)
    if starts or epoch is None or axis.unit == "step":
        return starts
    return starts_of(main, Axis("epoch", _filled(epoch, table.count), ""))[0]


def starts_of(column: Column, axis: Axis) -> tuple[list[int], list[int]]:
    """Rows at which another run begins, and places at which the same run was taken up again."""
    places = axis.at[column.rows]
    known = np.isfinite(places)
    places, rows = places[known], column.rows[known]
    falls = np.flatnonzero(places[1:] < places[:-1]) + 1
    starts: list[int] = []
    resumed: list[int] = []
    if len(falls) > max(2, UNORDERED * len(places)):
        return starts, resumed
    begin, first = 0, float(places[0]) if len(places) else 0.0
    for i in falls.tolist():
        if places[i] <= first and i - begin >= FEWEST and len(places) - i >= FEWEST:
            starts.append(int(rows[i]))
            begin = i
        else:
            resumed.append(int(places[i]))
    return starts, resumed


def repeated(column: Column, axis: Axis) -> list[dict[str, float]]:
    """Losses of what was trained twice, before and after a run was taken up again: medians of the first of them."""
    places, values = axis.at[column.rows], column.values
    known = np.isfinite(places) & np.isfinite(values)
    places, values = places[known], values[known]
    found = []
    for i in (np.flatnonzero(places[1:] < places[:-1]) + 1).tolist()[:20]:
        until = float(places[i - 1])
        old, new = values[:i][places[:i] >= places[i]], values[i:][places[i:] <= until]
        if min(len(old), len(new)) >= FEWEST and places[i] > places[0]:
            before, after = (float(np.median(part[:FEWEST])) for part in (old, new))
            found.append({"step": float(places[i]), "before": before, "after": after, "first": float(values[0])})
    return found


def split(table: Table, starts: list[int]) -> list[Table]:
    """The runs of a log that holds several."""
    if not starts:
        return [table]
    edges = [0, *starts, table.count]
    return [_part(table, i + 1, low, high) for i, (low, high) in enumerate(pairwise(edges))]


def _part(table: Table, number: int, low: int, high: int) -> Table:
    columns: Mapping[str, Column] = {
        name: Column(column.rows[inside] - low, column.values[inside])
        for name, column in table.columns.items()
        if (inside := (column.rows >= low) & (column.rows < high)).any()
    }
    name = f"{table.name} ({number})"
    return Table(name, table.path, table.form, columns, table.settings, table.problems, high - low)
