"""The data audit: scan, look for all faults, and write what was seen as the signals of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from netvet.core import NetvetError, Record
from netvet.data.chunks import Source
from netvet.data.faults import LOOKS, NotAssessable, load
from netvet.data.index import Audited, Rows, splits_of
from netvet.data.scan import Calls, Progress, here, problems_of, scan
from netvet.store import Run, RunWriter


@dataclass(frozen=True)
class Options:
    """How data are audited.

    Args:
        task: `classification` or `regression`; None to tell it from the targets.
        live: the inputs are what enters a net.
        facts: what the user says of the data, such as the names of columns with groups and times.
        folder: where what each shard has left is kept, None to keep nothing.
        calls: where shards are read; `tell`: hears of the progress.
    """

    task: str | None = None
    live: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    calls: Calls = here
    tell: Callable[[Progress], None] = lambda _: None


@dataclass(frozen=True)
class Found:
    """What was seen: records of signals, and why others are missing."""

    data: Audited
    signals: dict[str, list[Record]]
    missing: dict[str, str]


def audit(source: Source, options: Options) -> Found:
    """Look at all of the data.

    Raises:
        NetvetError: they cannot be read at all.
    """
    rows, moments, sketches = scan(source, options.calls, folder=options.folder, tell=options.tell)
    for name, problems in problems_of(source).items():
        if name in rows:
            rows[name] = replace(rows[name], problems=(*problems, *rows[name].problems))
    splits, classes = splits_of(rows, options.task)
    data = Audited(source.kind, source.name, splits, classes, moments, options.live, options.facts, sketches)
    signals: dict[str, list[Record]] = {}
    missing: dict[str, str] = {}
    for signal in LOOKS:
        try:
            signals[signal] = load(signal)(data)
        except NotAssessable as reason:
            missing[signal] = str(reason)
        except NetvetError:
            raise
        except Exception as error:  # one look that fails must not cost the user the others
            missing[signal] = f"looking for it failed: {type(error).__name__}: {error}"
    return Found(data, signals, missing)


def write(found: Found, store: Path, name: str, began: float) -> Path:
    """Keep what was seen as a run of its own; gives its folder.

    Args:
        began: `time.perf_counter()` at the begin of the audit.
    """
    writer = RunWriter.create(store, name)
    seconds = perf_counter() - began
    started = datetime.now(UTC).isoformat(timespec="seconds")
    about = {"name": name, "started": started, "ended": "ok", "seconds": seconds}
    _put(writer, found, about, frozenset())
    return writer.path


def write_into(
    found: Found, path: Path, more: Mapping[str, list[Record]], because: tuple[int, str] | None = None
) -> None:
    """Add what was seen to the run of the program that reads these data.

    Signals that the run has recorded itself stay: they know the lines of the program.

    Args:
        more: further signals.
        because: step and reason of the end, where the program was ended.
    """
    run: Any = Run.open(path)
    records: Any = run.get("run") or [{}]
    own = frozenset(signal for signal in (*found.signals, *found.missing) if run.get(signal))
    run.close()
    stopped = dict(zip(("stopped_step", "stopped_because"), because, strict=True)) if because is not None else {}
    whole = replace(found, signals={**found.signals, **more})
    _put(RunWriter.join(path), whole, dict(records[0]) | stopped, own)


def _put(writer: RunWriter, found: Found, about: dict[str, Any], own: frozenset[str]) -> None:
    samples = sum(len(s) for s in found.data.splits.values())
    writer.put_facts("run", [about | {"audit": True, "samples": samples}])
    for signal, records in found.signals.items():
        if signal not in own:
            writer.put_facts(signal, records)
    for signal, reason in found.missing.items():
        if signal not in own:
            writer.explain_missing(signal, reason)
    writer.close()


def memory(rows: Mapping[str, Rows]) -> int:
    """Bytes that the rows of all splits hold."""
    from netvet.data.scan import nbytes

    return sum(nbytes(r) for r in rows.values())
