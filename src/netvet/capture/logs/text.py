"""What training scripts print: `epoch 3 loss 0.12`, dicts, progress bars, tables; see `tokens` for one line of it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TextIO

from netvet.capture.logs.lines import lines
from netvet.capture.logs.table import Column, Rows, Table, UnreadableLog, number
from netvet.capture.logs.tokens import MAX_LETTERS, Line, clean, parsed, uncoloured
from netvet.capture.logs.words import ACCURACY, EPOCH, LOSS, STEP, words_of

FORM = "printed text"
# A table that is read has a head of so many columns.
_FEWEST_COLUMNS = 2
_BLOCK = re.compile(r"\s{0,4}\|\s{0,20}([A-Za-z_][\w/ .-]{0,60}?)\s{0,40}\|\s{0,20}([-+\w.]{1,40})\s{0,40}\|\s{0,4}$")
_RULE = re.compile(r"[-=+|:\s─━│]*")
_KNOWN = EPOCH | STEP | LOSS | ACCURACY | {"lr"}
# A cell of a table that is a time.
_TIME = re.compile(r"\d+:\d+(?::\d+)?")


@dataclass
class _State:
    """What a line means depends on those before it."""

    epoch: float | None = None
    side: str = ""
    last: str = ""
    heads: Sequence[Sequence[str]] = ()
    block: dict[str, float] = field(default_factory=dict)
    bars: dict[float, list[tuple[str, float]]] = field(default_factory=dict)
    every_bar: list[list[tuple[str, float]]] = field(default_factory=list)


def read(stream: TextIO, name: str, path: str) -> Table:
    """The numbers with names in a text.

    Raises:
        UnreadableLog: there are none.
    """
    rows, state = Rows(), _State()
    for line in lines(stream, rows):
        for segment in re.split(r"[\r\b]+", line):
            _take(segment[:MAX_LETTERS], rows, state)
    _flush(rows, state)
    table = rows.table(name, path, FORM)
    if not any(len(column) > 1 for key, column in table.columns.items() if key not in ("epoch", "step", "_of")):
        raise UnreadableLog("a text in which no number with a name comes back, such as 'loss: 0.12'")
    return _without_heads(table)


def _take(segment: str, rows: Rows, state: _State) -> None:
    text = clean(segment)
    if not text.strip() or _is_of_block(uncoloured(segment), rows, state):
        return
    tabled = _of_table(uncoloured(segment), state)
    if tabled is not None:
        _flush(rows, state)
        rows.add(tabled)
        return
    # `* Acc@1 93.5` sums up the lines before it.
    found = parsed(text, state.side or (state.last if text.lstrip().startswith("*") else ""))
    state.side, state.last = found.opens, found.side if found.pairs else state.last
    pairs = dict(found.pairs)
    if "epoch" in pairs:
        if state.epoch is not None and pairs["epoch"] != state.epoch and not found.bar:
            _flush(rows, state)
        state.epoch = pairs["epoch"]
    if not any(key not in ("epoch", "step", "_of") for key in pairs):
        if not pairs:
            _head(uncoloured(segment), state)
        return
    if state.epoch is not None:
        pairs.setdefault("epoch", state.epoch)
    if found.bar:
        _keep_bar(pairs, found, state)
    else:
        _flush(rows, state, pairs)
        rows.add(pairs.items())


def _is_of_block(text: str, rows: Rows, state: _State) -> bool:
    """A line of a block with one name and one number in each, as Stable-Baselines3 prints them; a rule ends it."""
    found = _BLOCK.match(text)
    value = number(found[2]) if found else None
    if found and value is not None:
        state.block[" ".join(found[1].split())] = value
        return True
    if state.block and _RULE.fullmatch(text):
        rows.add(state.block.items())
        state.block.clear()
        return True
    return False


def _keep_bar(pairs: dict[str, float], found: Line, state: _State) -> None:
    """Of the many drawings of a bar the last one counts, where each epoch has one."""
    pairs.setdefault("step", found.done)
    row = list(pairs.items())
    state.bars[pairs.get("epoch", -1.0)] = row
    if len(state.bars) == 1:
        state.every_bar.append(row)


def _flush(rows: Rows, state: _State, after: Mapping[str, float] = MappingProxyType({})) -> None:
    """Keep the bars that are through: with one epoch, or none, all of their drawings, else the last of each.

    Args:
        after: what is printed next; of its own epoch it says better what the bar has said.
    """
    bars, several = list(state.bars.items()), len(state.bars) > 1 or any(epoch >= 0 for epoch in state.bars)
    for row in [row for _, row in bars] if several else state.every_bar:
        again = several and dict(row).get("epoch") == after.get("epoch", math.nan)
        kept = [(key, value) for key, value in row if not (several and key in ("step", "_of"))]
        kept = [(key, value) for key, value in kept if not (again and key in after and key != "epoch")]
        if any(key != "epoch" for key, _ in kept):
            rows.add(kept)
    state.bars.clear()
    state.every_bar.clear()


def _head(text: str, state: _State) -> None:
    """Keep a line that may be the head of a table."""
    ways = [cells for cells in (_cells(text), text.split()) if len(cells) >= _FEWEST_COLUMNS]
    ways = [cells for cells in ways if any(set(words_of(cell)) & _KNOWN for cell in cells)]
    if ways or not _RULE.fullmatch(text):
        state.heads = ways


def _cells(text: str) -> list[str]:
    if "|" in text or "│" in text:
        return [cell.strip() for cell in re.split(r"[|│]", text) if cell.strip()]
    wide = [cell.strip() for cell in re.split(r"\s{2,}|\t", text.strip()) if cell.strip()]
    return wide if len(wide) > 1 else text.split()


def _of_table(text: str, state: _State) -> list[tuple[str, float]] | None:
    """The numbers of a row under a head; None where the line is none."""
    for head in state.heads:
        cells = _cells(text)
        if len(cells) != len(head):
            cells = text.replace("|", " ").split()
        if len(cells) >= len(head) and (len(cells) == len(head) or "/" in cells[0]):
            return _row(head, cells)
    return None


def _row(head: Sequence[str], cells: Sequence[str]) -> list[tuple[str, float]] | None:
    values = [number(_TIME.sub("", cell).partition("/")[0].rstrip("%")) for cell in cells[: len(head)]]
    found = [(name, value) for name, value in zip(head, values, strict=True) if value is not None]
    if values[0] is None or len(found) < _FEWEST_COLUMNS:
        return None
    return [("epoch" if set(words_of(name)) & EPOCH else name, value) for name, value in found]


def _without_heads(table: Table) -> Table:
    """Numbers that are printed once, before the training, are settings."""
    first = min((int(c.rows[0]) for c in table.columns.values() if len(c) > 2), default=0)
    once = {name: c for name, c in table.columns.items() if len(c) == 1 and int(c.rows[0]) < first}
    columns: dict[str, Column] = {name: c for name, c in table.columns.items() if name not in once}
    settings = {**{name: float(c.values[0]) for name, c in once.items()}, **table.settings}
    return Table(table.name, table.path, table.form, columns, settings, table.problems, table.count)
