"""Where in the data values are not finite."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import bars, number_of, records_of
from netvet.report.figures.spec import Bars, axis
from netvet.report.figures.trials import listed

# Columns that have a bar each, those with the most first where there are more; inputs that have a picture each.
COLUMNS, INPUTS = 40, 3


def in_inputs(source: Source) -> Iterator[Bars]:
    """Values of each input that are not finite, by column where its samples are rows of numbers."""
    wrong = [one for one in records_of(source, "inputs") if number_of(one.get("nonfinite"))]
    for number, record in enumerate(wrong[:INPUTS]):
        columns = [number_of(one) or 0.0 for one in listed(record.get("nonfinite_features"))]
        found = by_column(columns) if any(columns) else whole(record)
        model = str(record.get("model"))  # of a script without modules `(functions)`
        name = record.get("named") or ("the input" if "(" in model else f"input {record.get('position')} of {model}")
        clean = f" {len(columns) - sum(map(bool, columns))} of {len(columns)} columns are clean." if columns else ""
        made = bars(
            f"not-finite-{number}", f"Values of {name} that are not finite",
            f"How many values are NaN or infinite.{clean}{samples(record)} Healthy: none.", ["inputs"],
            axis("column" if any(columns) else "values"), axis("values that are not finite", "count"), list(found),
            {"not finite": (list(found.values()), "other")},
        )  # fmt: skip
        made["checks"] = ["non-finite-input"]
        yield made


def by_column(columns: list[float]) -> dict[str, float]:
    """Counts by column: of many, those with the most; what is clean is left out where it would crowd the others."""
    wrong = sorted((k for k, count in enumerate(columns) if count), key=lambda k: -columns[k])[:COLUMNS]
    return {f"column {k}": columns[k] for k in sorted(wrong)}


def whole(record: Record) -> dict[str, float]:
    """Of an input without columns: what is finite and what is not."""
    return {"not finite": number_of(record.get("nonfinite")) or 0.0}


def samples(record: Record) -> str:
    """In which samples they were seen first."""
    found = listed(record.get("first_nonfinite_samples"))
    if not found:
        return ""
    shown, batch = ", ".join(map(str, found[:8])), record.get("batch")
    more = ", ..." if len(found) > 8 else ""
    return f" First at step {record.get('first_nonfinite_step')}, in samples {shown}{more} of a batch of {batch}."
