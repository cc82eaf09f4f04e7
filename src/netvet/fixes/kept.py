"""What a study has shown, kept with the run that it is of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netvet.core import first_record
from netvet.store import Run, RunWriter

SIGNAL = "fixes"
# Of the whole study, said with each of its rounds.
WHOLE = ("patch", "trials", "reused", "seconds")


def keep(record: Mapping[str, Any], path: Path) -> None:
    """Add a study to a run, in the place of an earlier one: one record of the signal `fixes` a round.

    Args:
        record: of the schema `netvet.fix/1`.
        path: folder of the run.
    """
    writer = RunWriter.join(path)
    try:
        writer.put_facts(SIGNAL, [{**one, **{name: record[name] for name in WHOLE}} for one in record["rounds"]])
    finally:
        writer.close()


def mark_trial(path: Path, change: str) -> None:
    """Say of the run of a changed program that it is a trial: it is not the newest run of the program."""
    about = first_record(Run.open(path).get("run"))
    writer = RunWriter.join(path)
    try:
        writer.put_facts("run", [{**about, "trial": change}])
    finally:
        writer.close()


def keep_apart(record: Mapping[str, Any], store: Path, name: str) -> Path:
    """Keep a study of a setup, which has no run, as one of its own; gives its folder."""
    writer = RunWriter.create(store, name)
    writer.put_facts("run", [{"name": name, "ended": "ok"}])
    writer.close()
    keep(record, writer.path)
    return writer.path
