"""Parquet: the tables of values and findings, compressed, with the report in the metadata of both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TextIO

from netvet.export.content import Content
from netvet.export.csv import FINDINGS, VALUES, findings_of, values_of
from netvet.report.as_json import as_json

FOLDER = Path(".netvet/parquet")
# Numbers of a finding may be `nan` or `inf`, which the report holds as text.
_TYPES = {"step": "int64", "stands_for": "int64", "line": "int64", "value": "float64", "limit": "float64"}


def export(content: Content, output: str | None, stream: TextIO) -> str:
    """Write `values.parquet` and `findings.parquet` into a folder; only the values to a file `*.parquet`."""
    path = Path(output) if output else FOLDER / content.name
    if path.suffix.lower() == ".parquet":
        _write(path, VALUES, values_of(content), content)
        return str(path)
    path.mkdir(parents=True, exist_ok=True)
    _write(path / "values.parquet", VALUES, values_of(content), content)
    _write(path / "findings.parquet", FINDINGS, findings_of(content), content)
    return f"{path / 'values.parquet'} and {path / 'findings.parquet'}"


def _write(path: Path, names: Sequence[str], rows: Iterable[Sequence[Any]], content: Content) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: Any = list(zip(*rows, strict=True)) or [()] * len(names)
    arrays = [_array(pa, name, values) for name, values in zip(names, columns, strict=True)]
    table = pa.table(arrays, names=list(names))
    pq.write_table(table.replace_schema_metadata({"netvet.report/1": as_json(content.view)}), path)


def _array(pa: Any, name: str, values: Sequence[Any]) -> Any:
    kind = _TYPES.get(name)
    if kind == "float64":
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.array(values, pa.int64() if kind else pa.string())
