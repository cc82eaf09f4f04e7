"""Columns of a table by what they are for, whatever the form of the file: inputs, target, group, time, identifiers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError
from netvet.data.chunks import Chunk, Kind, Problem

if TYPE_CHECKING:
    import pyarrow as pa

    from netvet.data.readers import Wanted

# A flag is true or false.
Form = Literal["number", "flag", "time", "word"]

# The names that people give to what is to be predicted; the last column is not taken for it.
TARGETS = ("label", "labels", "target", "targets", "class", "y")
# A column of sentences is text; so it is by these names, and by the number of its words (a title or a name has fewer).
TEXTS = ("text", "sentence", "content", "document", "review", "comment", "body", "message", "question", "prompt")
MIN_WORDS = 4.0
# Fewer rows are all different by chance.
MIN_ROWS = 20
# A column of text is one of numbers if nearly all of it reads as numbers; the rest are cells gone wrong.
NUMBERS = 0.98

_IDENTIFIER = re.compile(
    r"|id|idx|index|uuid|guid|key|row|row[ _]?(id|number|index)|unnamed: \d+|__index_level_\d+__|.*[_ ]id|.*[a-z]Id"
)
_NUMBER = r"^\s*[-+]?((\d+\.?\d*|\.\d+)([eE][-+]?\d+)?|inf|nan)\s*$"
_TIME = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d{1,6})?)?(Z|[-+]\d\d:?\d\d)?)?$"


@dataclass(frozen=True)
class Plan:
    """What is done with each column.

    Args:
        inputs: form of each column that is an input, in order.
        attributes: attribute -> its column and form.
        target: column that is to be predicted, and its form.
        text: column whose texts are the samples, in place of the inputs.
        classes: names of the classes where the target is their number.
    """

    inputs: Mapping[str, Form]
    attributes: Mapping[str, tuple[str, Form]]
    target: tuple[str, Form] | None = None
    text: str | None = None
    classes: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """What a sample is."""
        return "table" if self.text is None else "text"

    @property
    def forms(self) -> dict[str, Form]:
        """Form of each column that is read."""
        target = {} if self.target is None else {self.target[0]: self.target[1]}
        text: dict[str, Form] = {} if self.text is None else {self.text: "word"}
        return {**self.inputs, **dict(self.attributes.values()), **target, **text}


def plan_of(samples: Sequence[pa.Table], wanted: Wanted, *, alone: bool = True) -> Plan:
    """Tell the columns apart by a sample of each file: some successive rows of one table each.

    Args:
        samples: of the files; `wanted`: what the user says of the columns.
        alone: the samples are in these columns, and not in others (pictures) as well.

    Raises:
        NetvetError: a column that the user named is not there, or there is no column at all.
    """
    forms = _forms(samples)
    named = {k: _named(forms, name, f"--{k}") for k, name in (wanted.columns or {}).items()}
    target = _named(forms, wanted.target, "--target") if wanted.target else _target(forms)
    left = [name for name in forms if name != target and name not in named.values()]
    identifiers = [name for name in left if _is_identifier(name, forms[name], samples)]
    inputs = {name: forms[name] for name in left if name not in identifiers}
    text = _text(inputs, identifiers, forms, samples)
    if text is not None:
        inputs, identifiers = {}, [name for name in (*inputs, *identifiers) if name != text]
    if alone and not inputs and text is None and not identifiers:
        raise NetvetError(f"no columns to look at among {', '.join(forms) or 'none'}; expected numbers or text")
    attributes = {k: (name, forms[name]) for k, name in named.items()}
    attributes |= {name: (name, forms[name]) for name in identifiers if name not in attributes}
    return Plan(inputs, attributes, (target, forms[target]) if target is not None else None, text)


def _named(forms: Mapping[str, Form], name: str, option: str) -> str:
    if name not in forms:
        raise NetvetError(f"{option} {name}: there is no such column; the columns are {', '.join(forms)}")
    return name


def _target(forms: Mapping[str, Form]) -> str | None:
    return next((name for word in TARGETS for name in forms if name.strip().lower() == word), None)


def _forms(samples: Sequence[pa.Table]) -> dict[str, Form]:
    """Form of each column by all samples; nested ones and bytes are left out."""
    found: dict[str, set[Any]] = {}
    for sample in samples:
        for name in sample.column_names:
            found.setdefault(name, set()).add(form_of(sample.column(name)))
    kinds: dict[str, Form] = {}
    for name, forms in found.items():
        known = forms - {None}
        if known == {"flag", "number"}:
            kinds[name] = "number"
        elif known != {"nested"}:
            kinds[name] = known.pop() if len(known) == 1 else "word"
    return kinds


def form_of(column: Any) -> Any:
    """Form of a column, `nested` where it is none of them, None where it holds no value at all."""
    from pyarrow import types

    kind = column.type.value_type if types.is_dictionary(column.type) else column.type
    if column.null_count == len(column) or types.is_null(kind):
        return None
    if types.is_boolean(kind):
        return "flag"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "number"
    if types.is_temporal(kind):
        return "time"
    if types.is_string(kind) or types.is_large_string(kind):
        return "number" if _mostly(column, _NUMBER) else "time" if _mostly(column, _TIME) else "word"
    return "nested"


def _mostly(column: Any, pattern: str) -> bool:
    import pyarrow.compute as pc

    if len(column) - column.null_count < MIN_ROWS:
        return False
    return bool((pc.mean(pc.match_substring_regex(_strings(column), pattern)).as_py() or 0.0) >= NUMBERS)


def _is_identifier(name: str, form: Form, samples: Sequence[pa.Table]) -> bool:
    """All different strings, whole numbers that count the rows, or different ones with the name of a key."""
    pieces = [s.column(name) for s in samples if name in s.column_names and len(s) >= MIN_ROWS]
    pieces = [p for p in pieces if p.null_count == 0]
    if not pieces or form == "time":
        return False
    if form == "word":
        return all(len(p.unique()) == len(p) for p in pieces)
    values = [_parsed(p, form)[0] for p in pieces]
    if not all(bool(np.all(v % 1 == 0)) for v in values):
        return False
    counts = all(bool(np.all(np.diff(v) == 1)) for v in values)
    named = _IDENTIFIER.fullmatch(name) or _IDENTIFIER.fullmatch(name.lower())
    return counts or (bool(named) and all(len(np.unique(v)) == len(v) for v in values))


def _text(
    inputs: Mapping[str, Form], identifiers: Sequence[str], forms: Mapping[str, Form], samples: Sequence[pa.Table]
) -> str | None:
    """The column of texts, where the table holds nothing else that could be an input."""
    words = [n for n in (*inputs, *identifiers) if forms[n] == "word"]
    if any(forms[n] != "word" for n in inputs):
        return None
    lengths = {name: _words(name, samples) for name in words}
    named = [name for name in words if name.strip().lower() in TEXTS]
    long = sorted((n for n in words if lengths[n] >= MIN_WORDS), key=lambda n: -lengths[n])
    found = [*named, *long]
    return found[0] if found and set(inputs) <= {found[0], *long} else None


def _words(name: str, samples: Sequence[pa.Table]) -> float:
    """Words of a text in a column, on average."""
    texts = [t for s in samples if name in s.column_names for t in s.column(name)[:200].to_pylist() if t]
    return sum(len(str(t).split()) for t in texts) / max(len(texts), 1)


def chunk_of(table: Any, plan: Plan, keys: Sequence[str]) -> Chunk:
    """The samples in rows of a table; rows with a cell that cannot be read are problems.

    Args:
        table: a `pyarrow` table or batch of n rows; it may lack columns.
        plan: what its columns are.
        keys: names of the rows.
    """
    columns, bad = _columns(table, plan.forms)
    targets = None
    if plan.target is not None and plan.target[0] in table.schema.names:
        targets = _targets(columns[plan.target[0]], plan.classes)
    inputs: Any = {name: columns[name] for name in plan.inputs}
    if plan.text is not None:
        inputs = np.array([t or "" for t in columns[plan.text].tolist()], dtype=object)
    attributes = {attribute: columns[name] for attribute, (name, _) in plan.attributes.items()}
    if not bad:
        return Chunk(keys, inputs, targets, attributes)
    kept = np.array([i not in bad for i in range(len(keys))])
    return Chunk(
        [key for key, keep in zip(keys, kept, strict=True) if keep],
        {n: v[kept] for n, v in inputs.items()} if isinstance(inputs, dict) else inputs[kept],
        None if targets is None else targets[kept],
        {n: v[kept] for n, v in attributes.items()},
        tuple(Problem(keys[i], "not a number", f"row {keys[i]}: {told}") for i, told in sorted(bad.items())),
    )


def _columns(table: Any, forms: Mapping[str, Form]) -> tuple[dict[str, npt.NDArray[Any]], dict[int, str]]:
    """Each column as float64 or strings [n], and what is wrong with rows, by their number."""
    found: dict[str, npt.NDArray[Any]] = {}
    bad: dict[int, str] = {}
    for name, form in forms.items():
        if name not in table.schema.names:
            found[name] = np.full(len(table), None, object) if form == "word" else np.full(len(table), np.nan)
        elif form == "word":
            found[name] = words_of(table.column(name))
        else:
            found[name], wrong = _parsed(table.column(name), form)
            bad |= {row: f"{text!r} in column {name}, where {form}s are expected" for row, text in wrong.items()}
    return found, bad


def _parsed(column: Any, form: Form) -> tuple[npt.NDArray[np.float64], dict[int, str]]:
    """Numbers, and the texts that are none, by their row."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return numbers_of(column), {}
    if form == "time":
        return _times(column.to_pylist())
    texts = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    for word, number in (("true", "1"), ("false", "0")):
        texts = pc.if_else(pc.equal(texts, word), pa.scalar(number, texts.type), texts)
    fits = pc.match_substring_regex(texts, _NUMBER)
    rows = np.flatnonzero(~np.asarray(pc.fill_null(fits, True)))
    numbers = pc.if_else(fits, texts, pa.scalar(None, texts.type))
    return numbers_of(numbers), {int(row): str(column[int(row)].as_py())[:40] for row in rows}


def _times(texts: Sequence[str | None]) -> tuple[npt.NDArray[np.float64], dict[int, str]]:
    found, wrong = np.full(len(texts), np.nan), {}
    for row, text in enumerate(texts):
        try:
            moment = datetime.fromisoformat(text) if text is not None else None
        except ValueError:
            wrong[row] = str(text)[:40]
            continue
        if moment is not None:
            found[row] = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return found, wrong


def numbers_of(column: Any) -> npt.NDArray[np.float64]:
    """A column as float64 [n], NaN where a value is missing; times are seconds since 1970.

    Args:
        column: a `pyarrow` column of numbers, times, or strings that read as numbers.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = pc.cast(column, column.type.value_type)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        micro = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
        return _floats(micro) / 1e6
    if pa.types.is_time(column.type) or pa.types.is_duration(column.type):
        unit = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}[column.type.unit]
        width = pa.int32() if column.type.bit_width == 32 else pa.int64()
        return _floats(pc.cast(column, width)) / unit
    return _floats(column)


def _floats(column: Any) -> npt.NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    floats = pc.cast(column, pa.float64(), safe=False)
    found = floats.to_numpy() if isinstance(floats, pa.ChunkedArray) else floats.to_numpy(zero_copy_only=False)
    return np.array(found, dtype=np.float64)


def words_of(column: Any) -> npt.NDArray[Any]:
    """A column as strings [n], None where a value is missing; equal strings are one object."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_temporal(column.type) or pa.types.is_decimal(column.type):
        column = pc.cast(column, pa.string())
    found = column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks()
        found = found.chunk(0) if isinstance(found, pa.ChunkedArray) else found
    names = np.array([*map(_word, found.dictionary.to_pylist()), None], dtype=object)
    codes = np.array(pc.fill_null(pc.cast(found.indices, pa.int64()), len(names) - 1))
    words: npt.NDArray[Any] = names[codes]
    return words


def _word(value: Any) -> str | None:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    whole = isinstance(value, float) and value.is_integer()
    return None if value is None else str(int(value) if whole else value)


def _strings(column: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _targets(values: npt.NDArray[Any], classes: Sequence[str]) -> npt.NDArray[Any]:
    """Labels as whole numbers or strings, other numbers as they are."""
    if classes:
        known = dict(enumerate(classes))
        return np.array([known.get(int(v)) if v == v else None for v in values.tolist()], dtype=object)
    if values.dtype != object and len(values) and bool(np.all(np.isfinite(values) & (values % 1 == 0))):
        return values.astype(np.int64)
    return values
