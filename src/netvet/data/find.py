"""Search among all samples by what is known of each: `label == 3 and brightness < 0.1`.

An expression is read as Python's syntax tree and only looked at: comparisons, `in`, `and`, `or`, `not`, names of
columns, numbers and strings mean something, all else is refused. Nothing is ever evaluated as code.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data.index import Audited, Split

Mask = npt.NDArray[np.bool_]
Column = npt.NDArray[Any]
# Kind of finding -> split -> numbers of all samples that it is about.
Suspects = Mapping[str, Mapping[str, Sequence[int] | npt.NDArray[np.integer[Any]]]]

FINDING = "finding"
# Faults of single samples by the check that tells of them; a fault may also be named by itself.
FAULTS: Mapping[str, tuple[str, ...]] = {
    "duplicate-samples": ("duplicate", "near duplicate"),
    "possible near duplicate": (),
    "split-overlap": ("overlap",),
    "conflicting-labels": ("conflicting label (equal)", "conflicting label (near)"),
    "outlier-samples": ("outlier",),
    "possible outlier": (),
    "label-errors": ("label error",),
    "possible label error": (),
}
# Kinds that begin with this are a list to look through: they are found by their name alone.
POSSIBLE = "possible "
LONGEST = 2_000  # characters of an expression: deeper ones than a person writes overflow the stack
_ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


@dataclass(frozen=True)
class Matches:
    """The samples that were asked for.

    Attributes:
        names: of the columns that are shown.
        rows: of the first samples, a value for each name: text, a number, or None where it is not known.
        count: of all samples that match; `total`: of all samples.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]
    count: int
    total: int


def find(
    data: Audited,
    suspects: Suspects,
    expression: str = "",
    *,
    sort: str = "",
    show: Sequence[str] = (),
    limit: int = 20,
) -> Matches:
    """Samples for which an expression holds, in their order or that of a column or of the one finding that is named.

    Args:
        suspects: what findings are about.
        sort: a column, the smallest value first; with `-` before it, the greatest. Unknown values come last.
        show: further columns; those that the expression and the order name are shown anyway.
        limit: rows at most.

    Raises:
        NetvetError: the expression cannot be read, or names a column that the data do not have.
    """
    tree = _parsed(expression) if expression.strip() else None
    known = _names(data)
    shown = ["split", "key", *(["label"] if "label" in known else [])]
    shown += [_known(name, known) for name in (*show, *([sort.removeprefix("-")] if sort else []))]
    asked = _asked(tree, known) if tree is not None else []
    names = tuple(dict.fromkeys([*shown, *asked]))
    tables = [_Table(data, split, suspects) for split in data.splits.values()]
    kept = [np.flatnonzero(_truth(tree, t, known)) if tree is not None else np.arange(len(t.split)) for t in tables]
    if kind := _only_kind(tree, suspects):
        kept = [table.ranked(kind, rows) for table, rows in zip(tables, kept, strict=True)]
    whose, samples = np.repeat(np.arange(len(tables)), [len(k) for k in kept]), np.concatenate(kept)
    if sort:
        column = _known(sort.removeprefix("-"), known)
        values = np.concatenate([t.column(column)[rows] for t, rows in zip(tables, kept, strict=True)])
        order = _order(values, falling=sort.startswith("-"))
        whose, samples = whose[order], samples[order]
    places = zip(whose[:limit].tolist(), samples[:limit].tolist(), strict=True)
    rows = tuple(tuple(tables[t].cell(name, i) for name in names) for t, i in places)
    return Matches(names, rows, len(samples), sum(len(t.split) for t in tables))


def mentions_findings(expression: str, sort: str, show: Sequence[str]) -> bool:
    """Whether findings must be looked for before samples can be found."""
    return expression.strip() in FAULTS or any(FINDING in text.lower() for text in (expression, sort, *show))


class _Table:
    """The columns of a split, made when they are asked for."""

    def __init__(self, data: Audited, split: Split, suspects: Suspects) -> None:
        self.split, self.kinds, self._data, self._suspects = split, tuple(suspects), data, suspects
        self._columns: dict[str, Column] = {}

    def column(self, name: str) -> Column:
        """Values of all samples: float64 with NaN, or strings with None for what is not known."""
        if name not in self._columns:
            self._columns[name] = self._made(name)
        return self._columns[name]

    def about(self, kind: str) -> Mask:
        """Samples that a kind of finding is about."""
        found = np.zeros(len(self.split), dtype=bool)
        found[self._listed(kind)] = True
        return found

    def ranked(self, kind: str, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        """Rows in the order in which a kind of finding lists them, which may be the surest first."""
        listed = self._listed(kind)
        position = np.full(len(self.split), len(listed))
        position[listed[::-1]] = np.arange(len(listed))[::-1]
        return rows[np.argsort(position[rows], kind="stable")]

    def _listed(self, kind: str) -> npt.NDArray[np.int64]:
        faults = [self._suspects.get(fault, {}).get(self.split.name, ()) for fault in (kind, *FAULTS.get(kind, ()))]
        return np.concatenate([np.asarray(one, dtype=np.int64) for one in faults])

    def cell(self, name: str, sample: int) -> str | float | None:
        """One value as plain data."""
        if name == FINDING:
            return ", ".join(kind for kind in self.kinds if self.about(kind)[sample])
        if name == "key":
            return self.split.key(sample)
        value = self.column(name)[sample]
        if isinstance(value, str) or value is None:
            return value
        return float(value) if np.isfinite(value) else None

    def _made(self, name: str) -> Column:
        split, rows = self.split, self.split.rows
        if name == "split":
            return np.full(len(split), split.name, dtype=object)
        if name == "key":
            return np.array([split.key(i) for i in range(len(split))], dtype=object)
        if name == "sample":
            return np.arange(len(split), dtype=np.float64)
        if name == "label":
            return _labels(self._data, split)
        if name in rows.attributes:
            found = rows.attributes[name]
            return found if found.dtype.kind in "OUS" else found.astype(np.float64)
        if name in rows.names:
            return rows.features[:, rows.names.index(name)].astype(np.float64)
        return np.full(len(split), np.nan)


def _only_kind(tree: ast.expr | None, suspects: Suspects) -> str:
    """The kind of finding that an expression names, where it is one."""
    texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} if tree is not None else set()
    kinds = [text for text in texts if isinstance(text, str) and (text in suspects or text in FAULTS)]
    return kinds[0] if len(kinds) == 1 else ""


def _labels(data: Audited, split: Split) -> Column:
    """Numbers where all classes are numbers, else their names."""
    if split.labels is None:
        return split.numbers if split.numbers is not None else np.full(len(split), np.nan)
    if all(_is_number(c) for c in data.classes):
        return np.array([*map(float, data.classes), np.nan])[split.labels]
    return np.array([*data.classes, None], dtype=object)[split.labels]


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


def _names(data: Audited) -> dict[str, str]:
    """All columns by the way they may be written: `not finite` also as `not_finite`."""
    splits = data.splits.values()
    names = ["split", "key", "sample", FINDING]
    if any(s.labels is not None or s.numbers is not None for s in splits):
        names.append("label")
    names += [n for s in splits for n in (*s.rows.attributes, *s.rows.names)]
    return {_plain(name): name for name in names[::-1]} | {name: name for name in names}


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name.lower())


def _known(name: str, known: Mapping[str, str]) -> str:
    found = known.get(name) or known.get(_plain(name))
    if found is None:
        close = get_close_matches(_plain(name), known, n=1)
        hint = f"; did you mean {known[close[0]]}?" if close else ""
        raise NetvetError(f"nothing is known of samples by the name {name!r}{hint} (known: {_listed(known)})")
    return found


def _listed(known: Mapping[str, str], most: int = 40) -> str:
    names = set(known.values())
    return ", ".join(sorted(names)[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _parsed(expression: str) -> ast.expr:
    if len(expression) > LONGEST:
        raise NetvetError(f"an expression of {len(expression):,} characters; expected at most {LONGEST:,}")
    if expression.strip() in FAULTS:  # the name of a finding says what is meant
        expression = f"{FINDING} == {expression.strip()!r}"
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise NetvetError(
            f"{expression!r} cannot be read ({getattr(error, 'msg', error)}); expected comparisons such as "
            "'label == 3 and brightness < 0.1'"
        ) from error


def _refused(node: ast.AST) -> NetvetError:
    return NetvetError(
        f"{ast.unparse(node)!r} is not understood; expected comparisons of names, numbers and texts, joined by and, "
        "or, not: 'label == 3 and brightness < 0.1'"
    )


def _asked(node: ast.expr, known: Mapping[str, str]) -> list[str]:
    """Columns that an expression names."""
    nodes = list(ast.walk(node))
    quoted = [_column_on_the_left(one) for one in nodes if isinstance(one, ast.Compare)]
    names = [name for name in quoted if name is not None] + [one.id for one in nodes if isinstance(one, ast.Name)]
    return [_known(name, known) for name in names]


def _column_on_the_left(node: ast.Compare) -> str | None:
    """The column that a text on the left names (one with spaces); in `"cat" in key` it is a text."""
    inside = isinstance(node.ops[0], ast.In | ast.NotIn) and isinstance(node.comparators[0], ast.Name)
    text = node.left.value if isinstance(node.left, ast.Constant) and not inside else None
    return text if isinstance(text, str) else None


def _truth(node: ast.expr, table: _Table, known: Mapping[str, str]) -> Mask:
    """For which samples of a split an expression holds."""
    match node:
        case ast.BoolOp():
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            found: Mask = join.reduce([_truth(value, table, known) for value in node.values])
            return found
        case ast.UnaryOp(op=ast.Not()):
            return ~_truth(node.operand, table, known)
        case ast.Compare():
            column = _column_on_the_left(node)
            sides = [node.left if column is None else ast.Name(column), *node.comparators]
            every = [
                _compared(node, a, op, b, table, known)
                for a, op, b in zip(sides, node.ops, node.comparators, strict=False)
            ]
            both: Mask = np.logical_and.reduce(every)
            return both
        case ast.Name() if _known(node.id, known) == FINDING:
            return ~_compared(node, node, ast.Eq(), ast.Constant(""), table, known)
    raise _refused(node)


def _compared(
    whole: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr, table: _Table, known: Mapping[str, str]
) -> Mask:
    if isinstance(op, ast.NotEq | ast.NotIn):
        opposite: ast.cmpop = ast.Eq() if isinstance(op, ast.NotEq) else ast.In()
        return ~_compared(whole, left, opposite, right, table, known)
    if isinstance(op, ast.In):
        if isinstance(right, ast.Tuple | ast.List | ast.Set):
            each = [_compared(whole, left, ast.Eq(), one, table, known) for one in right.elts]
            return np.logical_or.reduce(each) if each else np.zeros(len(table.split), dtype=bool)
        return _within(whole, left, right, table, known)
    if _is_finding(left, known) or _is_finding(right, known):
        kind = _value(whole, left if _is_finding(right, known) else right, table, known)
        if not isinstance(op, ast.Eq) or not isinstance(kind, str):
            raise _refused(whole)
        return _about(table, kind)
    a, b = _value(whole, left, table, known), _value(whole, right, table, known)
    if isinstance(op, ast.Eq):
        return _equal(a, b, len(table.split))
    if type(op) not in _ORDER or any(_is_text(v) for v in (a, b)):
        raise NetvetError(f"{ast.unparse(whole)!r}: texts have no order; compare them with ==, != or in")
    with np.errstate(invalid="ignore"):
        return np.broadcast_to(np.asarray(_ORDER[type(op)](a, b), dtype=bool), len(table.split))


def _within(whole: ast.expr, left: ast.expr, right: ast.expr, table: _Table, known: Mapping[str, str]) -> Mask:
    """`"label-errors" in finding`, or `"cat" in key`: a text within the texts of a column."""
    part = _value(whole, left, table, known)
    if not isinstance(part, str) or not isinstance(right, ast.Name):
        raise _refused(whole)
    if _is_finding(right, known):
        return _about(table, part)
    values = table.column(_known(right.id, known))
    return np.array([isinstance(v, str) and part in v for v in values.tolist()], dtype=bool)


def _about(table: _Table, kind: str) -> Mask:
    """Samples of a kind of finding; of none at all for an empty text."""
    kinds = table.kinds
    if kind:
        if kind not in kinds and kind not in FAULTS:
            there = ", ".join(dict.fromkeys([*FAULTS, *kinds]))
            raise NetvetError(f"{kind!r}: no such finding about single samples; expected one of: {there}")
        return table.about(kind)
    sure = [table.about(one) for one in kinds if not one.startswith(POSSIBLE)]
    none: Mask = ~np.logical_or.reduce([np.zeros(len(table.split), dtype=bool), *sure])
    return none


def _is_finding(node: ast.expr, known: Mapping[str, str]) -> bool:
    return isinstance(node, ast.Name) and _known(node.id, known) == FINDING


def _value(whole: ast.expr, node: ast.expr, table: _Table, known: Mapping[str, str]) -> Any:
    """A column, a number, a text or None."""
    match node:
        case ast.Name():
            return table.column(_known(node.id, known))
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
    raise _refused(whole)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or value is None or (isinstance(value, np.ndarray) and value.dtype.kind in "OUS")


def _equal(a: Any, b: Any, count: int) -> Mask:
    """Equal values; a number and a text are, where the text is how the number is written; None is what is not known."""
    if a is None or b is None:
        return _missing(b if a is None else a, count)
    if _is_text(a) != _is_text(b):
        a, b = _as_text(a), _as_text(b)
    return np.broadcast_to(np.asarray(np.equal(a, b), dtype=bool), count)


def _missing(value: Any, count: int) -> Mask:
    if not isinstance(value, np.ndarray):
        return np.full(count, value is None)
    return np.array([v is None for v in value.tolist()]) if _is_text(value) else np.isnan(value)


def _as_text(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.array([None if v is None else _as_text(v) for v in value.tolist()], dtype=object)
    return value if isinstance(value, str) else f"{float(value):g}"


def _order(values: Column, *, falling: bool) -> npt.NDArray[np.intp]:
    """Positions of values in their order, those that are not known last."""
    if not _is_text(values):
        return np.argsort(-values if falling else values, kind="stable")
    texts = values.tolist()
    told = [i for i, text in enumerate(texts) if isinstance(text, str)]
    told.sort(key=texts.__getitem__, reverse=falling)
    return np.array([*told, *(i for i, text in enumerate(texts) if not isinstance(text, str))], dtype=np.intp)
