"""The data audit: scan, look for all faults, and write what was seen as the signals of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.core import NetvetError, Record
from netvet.data.chunks import Source
from netvet.data.faults import LOOKS, NotAssessable, load
from netvet.data.index import Audited, splits_of, unlike
from netvet.data.scan import Calls, Progress, here, problems_of, scan
from netvet.store import Run, RunWriter


@dataclass(frozen=True, slots=True)
class Looking:
    """What is looked for once all is read: the signal, its number among all, and how many these are."""

    signal: str
    number: int
    looks: int

    @property
    def line(self) -> str:
        """For a person."""
        return f"looking at {self.signal.replace('_', ' ')}, {self.number} of {self.looks}"


@dataclass(frozen=True)
class Options:
    """How data are audited.

    Args:
        task: `classification` or `regression`; None to tell it from the targets.
        live: the inputs are what enters a net.
        facts: what the user says of the data, such as the names of columns with groups and times, and
            what was seen of them: `changing`, the splits whose samples are others each time.
        folder: where what each shard has left is kept, None to keep nothing.
        calls: where shards are read; `tell`: hears of the progress, first of reading and then of each look.
    """

    task: str | None = None
    live: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    folder: Path | None = None
    calls: Calls = here
    tell: Callable[[Progress | Looking], None] = lambda _: None


@dataclass(frozen=True)
class Found:
    """What was seen: records of signals, and why others are missing.

    Attributes:
        suspects: by fault (`duplicate`, `outlier`, ...) and split: numbers of all samples that have it, where a record
            shows some examples. A look gives them as the field `marked` of a record, which is not stored.
    """

    data: Audited
    signals: dict[str, list[Record]]
    missing: dict[str, str]
    suspects: dict[str, dict[str, npt.NDArray[np.int64]]] = field(default_factory=dict)

    @property
    def notes(self) -> tuple[str, ...]:
        """What some looks have left out without saying so."""
        return tuple(unlike(list(self.data.splits.values())))


def gathered(source: Source, options: Options) -> Audited:
    """All that one pass over the data leaves, before anything is looked for in it.

    Raises:
        NetvetError: they cannot be read at all.
    """
    rows, moments, sketches = scan(source, options.calls, folder=options.folder, tell=options.tell)
    for name, problems in problems_of(source).items():
        if name in rows:
            rows[name] = replace(rows[name], problems=(*problems, *rows[name].problems))
    splits, classes = splits_of(rows, options.task)
    return Audited(source.kind, source.name, splits, classes, moments, options.live, options.facts, sketches)


def audit(source: Source, options: Options) -> Found:
    """Look at all of the data.

    Raises:
        NetvetError: they cannot be read at all.
    """
    data = gathered(source, options)
    signals: dict[str, list[Record]] = {}
    missing: dict[str, str] = {}
    suspects: dict[str, dict[str, npt.NDArray[np.int64]]] = {}
    for number, signal in enumerate(LOOKS, 1):
        options.tell(Looking(signal, number, len(LOOKS)))
        try:
            signals[signal] = [_parted(record, suspects) for record in load(signal)(data)]
        except NotAssessable as reason:
            missing[signal] = str(reason)
        except NetvetError:
            raise
        except Exception as error:  # one look that fails must not cost the user the others
            missing[signal] = f"looking for it failed: {type(error).__name__}: {error}"
    return Found(data, signals, missing, suspects)


def _parted(record: Record, suspects: dict[str, dict[str, npt.NDArray[np.int64]]]) -> Record:
    """A record without the samples that it points at, which go to all others of their fault and split.

    Those of one record alone stay in their order, which may be the surest first.
    """
    for fault, splits in (record.get("marked") or {}).items():
        known = suspects.setdefault(fault, {})
        for split, numbers in splits.items():
            known[split] = np.union1d(known[split], numbers) if split in known else numbers
    return {name: value for name, value in record.items() if name != "marked"}


def with_people(found: Found, folder: Path) -> None:
    """Add how good people are at the task, where some have labelled a sample of these data.

    Args:
        folder: where the file of their answers would be.
    """
    from netvet.data import annotation, human

    try:
        file = annotation.file_of(found.data, folder)
    except NetvetError:
        return  # the data have no classes
    if file.exists():
        found.signals["human_baseline"] = human.records(annotation.Store(file))


def write(found: Found, store: Path, name: str, began: float, words: Sequence[str] = ()) -> Path:
    """Keep what was seen as a run of its own; gives its folder.

    Args:
        began: `time.perf_counter()` at the begin of the audit.
        words: of the command `netvet data` that reads these data again.
    """
    writer = RunWriter.create(store, name)
    seconds = perf_counter() - began
    started = datetime.now(UTC).isoformat(timespec="seconds")
    about = {"name": name, "started": started, "ended": "ok", "seconds": seconds, "audited": list(words)}
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
    # What a net has learned by the time that its training was ended does not tell what can be learned.
    own -= {"random_labels"} if because is not None else set()
    run.close()
    stopped = dict(zip(("stopped_step", "stopped_because"), because, strict=True)) if because is not None else {}
    whole = replace(found, signals={**found.signals, **more})
    _put(RunWriter.join(path), whole, dict(records[0]) | stopped, own)


def mark(path: Path, because: tuple[int, str] | None) -> None:
    """Say that a program was run for its data, which could not be read again: it is judged by what it recorded."""
    run: Any = Run.open(path)
    records: Any = run.get("run") or [{}]
    run.close()
    stopped = dict(zip(("stopped_step", "stopped_because"), because, strict=True)) if because is not None else {}
    writer = RunWriter.join(path)
    writer.put_facts("run", [dict(records[0]) | stopped | {"audit": True}])
    writer.close()


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
