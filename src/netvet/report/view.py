"""The report as one plain dict of JSON types: the contract that `schemas/report.json` describes."""

from __future__ import annotations

import linecache
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypedDict

from netvet.core import Finding, Fix, LayerSeries, Location, Record, first_record
from netvet.diagnose import Diagnosis, Reported, SignalSource, Verdict
from netvet.report.data import DataView, data_of

SCHEMA = "netvet.report/1"

# A source file larger than this, or a longer line, was written by no person; showing it would help nobody.
MAX_SOURCE_BYTES = 2_000_000
MAX_SOURCE_LINE = 200
# Start times are stored in whole seconds.
CLOCK_SLACK = 1.0

# JSON has no NaN and no infinity: such numbers stand as "nan", "inf", "-inf".
Number = int | float | str


class PlaceView(TypedDict):
    """A line of the user's code; `source` is its text, None when it could not be read or changed since."""

    file: str
    line: int
    source: str | None


class FixView(TypedDict):
    """One change that can be tried."""

    name: str
    advice: str


class FindingView(TypedDict):
    """One finding."""

    check: str
    kind: str
    severity: str
    message: str
    where: str | None
    step: int | None
    value: Number | None
    limit: Number | None
    location: PlaceView | None
    explains: list[str]
    evidence: dict[str, Any]
    fixes: list[FixView]
    allowed: str | None


class VerdictView(TypedDict):
    """One entry of the diagnosis; `findings` and `folded` are positions in the list of findings.

    `ruled_out`, `not_ruled_out` and `experiments` are filled for an undetermined cause: candidates that were looked
    for and not found, those that could not be looked for, and the experiments that would tell them apart.
    """

    check: str
    confidence: float
    because: str
    next: str | None
    undetermined: bool
    location: PlaceView | None
    explains: list[str]
    findings: list[int]
    folded: list[int]
    ruled_out: list[str]
    not_ruled_out: list[str]
    experiments: list[str]


class NotAssessedView(TypedDict):
    """A check that could not look, and why."""

    check: str
    reason: str


class RuleView(TypedDict):
    """A check that fired, the signals that it looks at, and what its value and limit are: `dead units [share]`."""

    name: str
    stage: str
    summary: str
    signals: list[str]
    measures: str


class RunView(TypedDict):
    """The facts of the run; what is unknown is None."""

    name: str | None
    script: str | None
    arguments: list[str]
    started: str | None
    ended: str | None
    steps: int | None
    samples: int | None
    epochs: Number | None
    seconds: Number | None
    exception: str | None
    exception_location: PlaceView | None
    stopped_step: int | None
    stopped_because: str | None
    environment: dict[str, Any]


class OverheadView(TypedDict):
    """What netvet cost: seconds, and their share of the wall time of the run."""

    seconds: Number | None
    share: Number | None


class View(TypedDict):
    """The whole report. `checks_looked` counts the checks that could look; `data` is None but for an audit.

    `log` is None but for what was read from a log: its record (see the signal `log`).
    """

    schema: str
    run: RunView
    overhead: OverheadView
    findings: list[FindingView]
    diagnosis: list[VerdictView]
    not_assessed: list[NotAssessedView]
    checks_looked: int
    rules: list[RuleView]
    problems: list[str]
    data: DataView | None
    log: dict[str, Any] | None


def build(
    diagnosis: Diagnosis,
    source: SignalSource,
    *,
    selected: Sequence[str],
    name: str | None = None,
    problems: Iterable[str] = (),
    root: Path | None = None,
) -> View:
    """Make the report of a run.

    Args:
        diagnosis: what was found.
        source: the run, for its facts (`run`, `environment`).
        selected: names of the checks that were asked to look.
        name: name of the run in the store.
        problems: one line for each thing that netvet could not do.
        root: folder that the paths of source files are relative to (the working directory).
    """
    record = _so_far(first_record(source.get("run")), source)
    places = _Places(record.get("started"), root or Path())
    blind = {skipped.check for skipped in diagnosis.not_assessed}
    looked = [check for check in selected if check not in blind]
    positions = {id(reported): index for index, reported in enumerate(diagnosis.findings)}
    return {
        "schema": SCHEMA,
        "run": _run(record, first_record(source.get("environment")), name, places),
        "overhead": _overhead(record),
        "findings": [_finding(reported, places) for reported in diagnosis.findings],
        "diagnosis": [_verdict(v, diagnosis, positions, looked, places) for v in diagnosis.verdicts],
        "not_assessed": [{"check": skipped.check, "reason": skipped.reason} for skipped in diagnosis.not_assessed],
        "checks_looked": len(looked),
        "rules": _rules(diagnosis.findings),
        "problems": list(problems),
        "data": data_of(source, plain),
        "log": plain(first_record(source.get("log"))) or None,
    }


def plain(value: Any) -> Any:
    """The value in JSON types: numbers of NumPy become plain, anything unknown its text."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else str(number)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    listed = getattr(value, "tolist", None)
    return plain(listed()) if callable(listed) else str(value)


class _Places:
    """Reads the user's source lines; a file that changed since the run began is not quoted."""

    def __init__(self, started: Any, root: Path) -> None:
        self._root = root
        self._files: dict[str, list[str]] = {}
        try:
            self._started: float | None = datetime.fromisoformat(str(started)).timestamp()
        except (ValueError, OverflowError, OSError):
            self._started = None

    def of(self, location: Location | None) -> PlaceView | None:
        if location is None:
            return None
        return {"file": location.file, "line": location.line, "source": self._line(location)}

    def _line(self, location: Location) -> str | None:
        if location.file not in self._files:
            self._files[location.file] = self._read(location.file)
        lines = self._files[location.file]
        if not 0 < location.line <= len(lines):
            return None
        return lines[location.line - 1].strip()[:MAX_SOURCE_LINE] or None

    def _read(self, file: str) -> list[str]:
        path = self._root / file
        if file in linecache.cache and not path.is_file():
            return linecache.getlines(file)  # a cell of a notebook, which is in no file
        try:
            facts = path.stat()
            changed = self._started is not None and facts.st_mtime > self._started + CLOCK_SLACK
            if changed or not path.is_file() or facts.st_size > MAX_SOURCE_BYTES:
                return []
            return path.read_text(encoding="utf-8", errors="replace").splitlines()
        except (OSError, ValueError):
            return []


def _so_far(record: Record, source: SignalSource) -> Record:
    """The record of a run without an end has no steps yet, nor times: the steps that were stored are known."""
    losses = source.get("loss") if record.get("started") and record.get("ended") is None else None
    steps = [int(one.steps[-1]) + 1 for one in losses.values() if len(one)] if isinstance(losses, LayerSeries) else []
    if not steps:
        return record
    times = {name: record.get(name) or None for name in ("seconds", "netvet_seconds")}
    return {**record, "steps": max(*steps, int(record.get("steps") or 0)), **times}


def _run(record: Record, environment: Record, name: str | None, places: _Places) -> RunView:
    file, line = record.get("exception_file"), record.get("exception_line")
    steps = plain(record.get("steps"))
    return {
        "name": name,
        "script": _text(record.get("script")),
        "arguments": [str(argument) for argument in record.get("arguments") or ()],
        "started": _text(record.get("started")),
        "ended": _text(record.get("ended")),
        "steps": int(steps) if isinstance(steps, int | float) else None,
        "samples": int(samples) if isinstance(samples := plain(record.get("samples")), int) else None,
        "epochs": plain(record.get("epochs")),
        "seconds": plain(record.get("seconds")),
        "exception": _text(record.get("exception")),
        "exception_location": places.of(Location(str(file), int(line))) if file and line else None,
        "stopped_step": stopped if isinstance(stopped := record.get("stopped_step"), int) else None,
        "stopped_because": _text(record.get("stopped_because")),
        "environment": plain(environment),
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _overhead(record: Record) -> OverheadView:
    seconds, whole = plain(record.get("netvet_seconds")), plain(record.get("seconds"))
    known = isinstance(seconds, int | float) and isinstance(whole, int | float) and whole > 0
    return {"seconds": seconds, "share": seconds / whole if known else None}


def _finding(reported: Reported, places: _Places) -> FindingView:
    finding: Finding = reported.finding
    return {
        "check": reported.check.name,
        "kind": reported.check.kind,
        "severity": reported.severity,
        "message": finding.message,
        "where": finding.where,
        "step": None if finding.step is None else int(finding.step),
        "value": plain(finding.value),
        "limit": plain(finding.limit),
        "location": places.of(finding.location),
        "explains": list(reported.explains),
        "evidence": plain(finding.evidence),
        "fixes": [_fix(fix) for fix in reported.check.advised(finding)],
        "allowed": reported.allowed,
    }


def _fix(fix: Fix) -> FixView:
    return {"name": fix.name, "advice": fix.advice}


def _verdict(
    verdict: Verdict, diagnosis: Diagnosis, positions: Mapping[int, int], looked: Sequence[str], places: _Places
) -> VerdictView:
    # A candidate that fired without explaining the symptom (as a note, say) was seen, so it is not ruled out.
    quiet = set(looked) - {reported.check.name for reported in diagnosis.findings}
    main = verdict.findings[0].finding
    return {
        "check": verdict.check,
        "confidence": float(verdict.confidence),
        "because": verdict.because,
        "next": verdict.fix.advice if verdict.fix else None,
        "undetermined": verdict.undetermined,
        "location": places.of(main.location),
        "explains": list(dict.fromkeys(reported.check.name for reported in verdict.folded)),
        "findings": [positions[id(reported)] for reported in verdict.findings if id(reported) in positions],
        "folded": [positions[id(reported)] for reported in verdict.folded if id(reported) in positions],
        "ruled_out": [name for name in verdict.candidates if name in quiet],
        "not_ruled_out": [name for name in verdict.candidates if name not in quiet],
        "experiments": list(verdict.experiments),
    }


def _rules(findings: Iterable[Reported]) -> list[RuleView]:
    fired = {reported.check.name: reported.check for reported in findings}
    return [
        {
            "name": n,
            "stage": c.stage,
            "summary": c.summary,
            "signals": [*c.required, *c.optional],
            "measures": c.measures,
        }
        for n, c in sorted(fired.items())
    ]
