"""`--human-baseline`: how good people are at the task of a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNAL = "human_baseline"


def records_of(text: str | None) -> list[Mapping[str, Any]]:
    """Records of the signal `human_baseline`: from the file of `netvet data --annotate`, or from an accuracy.

    Raises:
        NetvetError: it is neither.
    """
    from netvet.core import NetvetError

    if text is None:
        return []
    try:
        share = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        return _from_file(Path(text))
    if not 0 < share <= 1:
        raise NetvetError(
            f"--human-baseline {text}: expected an accuracy such as 0.98 or 98%, or a file of annotations"
        )
    return [{"annotator": "people", "accuracy": share, "low": share, "high": share, "samples": None}]


def _from_file(file: Path) -> list[Mapping[str, Any]]:
    from netvet.core import NetvetError
    from netvet.data import human
    from netvet.data.annotation import Store

    if not file.is_file():
        raise NetvetError(f"--human-baseline {file}: no such file; expected one of `netvet data --annotate`, or 0.98")
    found = human.records(Store(file))
    if not found:
        raise NetvetError(f"--human-baseline {file}: nobody has answered yet; `netvet data --annotate` asks")
    return found


def keep(run: Path, records: list[Mapping[str, Any]]) -> None:
    """Put the records into a run that has ended."""
    from netvet.store import RunWriter

    writer = RunWriter.join(run)
    writer.put_facts(SIGNAL, records)
    writer.close()
