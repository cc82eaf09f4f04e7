"""Was the diagnosis right? Pure functions from a program's header and netvet's report to a score."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

_FIELD = re.compile(r"# (healthy|expect|expect-note|accept|location|with|audit|note): *(.*)")
_FAULT = re.compile(r"#.*\bfault\s*$")
_ALARMS = {"error", "warning"}


@dataclass(frozen=True)
class Header:
    """What the first comment lines of a program of the corpus promise.

    Args:
        expect: the check that should lead the diagnosis; empty for a healthy program.
        accept: checks that would be right too.
        is_note: `expect` is a note beside an otherwise clean run.
        fault_lines: line numbers that an expert would point at; empty where no line is to blame.
        command: the netvet command that is to find it, with its options.
        audits: the command reads files that the program writes, and not the program, which is run by itself first.
    """

    expect: str
    accept: tuple[str, ...] = ()
    is_note: bool = False
    fault_lines: frozenset[int] = frozenset()
    command: tuple[str, ...] = ("run", "--quiet")
    audits: bool = False

    def arguments(self, program: str, report: str) -> list[str]:
        """What netvet is called with, to write a report about the program."""
        command = [self.command[0], "--json", report, *self.command[1:]]
        return command if self.audits else [*command, program]

    @property
    def healthy(self) -> bool:
        return not self.expect

    @property
    def expected(self) -> tuple[str, ...]:
        return (self.expect, *self.accept) if self.expect else ()


@dataclass(frozen=True)
class Score:
    """One run of one program.

    Args:
        answer: the first diagnosis, `(nothing)` for none, `(no report)` when there was none to read.
        right: the answer is what the header promises; for a healthy program: no error and no warning.
        located: the main finding points at a fault line; None where that cannot be asked.
        alarms: names of the checks with an error or warning.
    """

    program: str
    seed: int
    expect: str
    answer: str
    right: bool
    located: bool | None
    alarms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """All runs of one expected check (or of one healthy program)."""

    name: str
    runs: int
    right: int
    located: int
    locatable: int
    wrong: str


def read_header(source: str) -> Header:
    """The header of a program.

    Raises:
        ValueError: it is no header, or it contradicts itself.
    """
    found: dict[str, str] = {}
    lines = source.splitlines()
    for line in lines:
        if not line.startswith("#"):
            break
        if match := _FIELD.match(line):
            found[match[1]] = match[2].strip()
    kinds = [k for k in ("healthy", "expect", "expect-note") if k in found]
    if len(kinds) != 1:
        raise ValueError(f"the header needs one of `healthy:`, `expect:`, `expect-note:`; it has {kinds or 'none'}")
    if kinds == ["healthy"]:
        return Header("")
    faults = frozenset(i for i, line in enumerate(lines, 1) if _FAULT.search(line) and not line.startswith("#"))
    if bool(faults) == (found.get("location") == "none"):
        raise ValueError("the header needs lines marked `# fault` or `# location: none`, and not both")
    accept = tuple(name.strip() for name in found.get("accept", "").split(",") if name.strip())
    command = tuple(found["with"].split()) if "with" in found else Header.command
    if "audit" in found:
        command = ("data", *found["audit"].split())
    return Header(found[kinds[0]], accept, kinds == ["expect-note"], faults, command, "audit" in found)


def score(program: str, seed: int, header: Header, report: Mapping[str, Any] | None) -> Score:
    """Hold a report (the JSON that `netvet run --json` writes; None: there is none) against the header."""
    if report is None:
        return Score(program, seed, header.expect, "(no report)", False, False if header.fault_lines else None)
    findings = [f for f in report["findings"] if f.get("allowed") is None]
    alarms = tuple(sorted({f["check"] for f in findings if f["severity"] in _ALARMS}))
    diagnosis = report["diagnosis"]
    answer = diagnosis[0]["check"] if diagnosis else "(nothing)"
    if header.healthy:
        return Score(program, seed, "", ", ".join(alarms) or "(nothing)", not alarms, None, alarms)
    leading = answer
    right = answer in header.expected
    if header.is_note:
        noted = any(f["check"] == header.expect and f["severity"] == "note" for f in findings)
        right = noted and not alarms
        leading = header.expect
        answer = ", ".join(alarms) or (header.expect if noted else "(nothing)")
    located = _is_located(program, header, leading, findings) if header.fault_lines else None
    return Score(program, seed, header.expect, answer, right, located, alarms)


def _is_located(program: str, header: Header, leading: str, findings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the leading check's main finding (its first) points at a fault line of this program."""
    main = next((f for f in findings if f["check"] == leading), {})
    place = main.get("location") or {"file": "", "line": 0}
    return PurePath(place["file"]).name == PurePath(program).name and place["line"] in header.fault_lines


def rows(scores: Iterable[Score]) -> list[Row]:
    """One row per expected check; healthy programs one row each, under their file name."""
    groups: dict[str, list[Score]] = {}
    for one in scores:
        groups.setdefault(one.expect or PurePath(one.program).stem, []).append(one)
    return [_row(name, group) for name, group in sorted(groups.items())]


def _row(name: str, group: Sequence[Score]) -> Row:
    wrong = Counter(s.answer for s in group if not s.right).most_common(1)
    locatable = [s for s in group if s.located is not None]
    return Row(
        name=name,
        runs=len(group),
        right=sum(s.right for s in group),
        located=sum(bool(s.located) for s in locatable),
        locatable=len(locatable),
        wrong=wrong[0][0] if wrong else "",
    )


def totals(scores: Sequence[Score]) -> dict[str, float]:
    """The figures that sum a benchmark up; shares are 0 where there was nothing to count."""
    sick = [s for s in scores if s.expect]
    healthy = [s for s in scores if not s.expect]
    locatable = [s for s in sick if s.located is not None]
    return {
        "sick_runs": len(sick),
        "right": _share(s.right for s in sick),
        "locatable_runs": len(locatable),
        "located": _share(bool(s.located) for s in locatable),
        "healthy_runs": len(healthy),
        "false_alarms": _share(bool(s.alarms) for s in healthy),
        "no_report": sum(s.answer == "(no report)" for s in scores),
    }


def by_check(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """What is shown of each check: how its sick programs fared, and how often it raised an alarm at a healthy one.

    Args:
        runs: the fields of each score, and `findings`, where there was a report.

    Returns:
        Check -> `runs` of its sick programs; in how many it was `found` and was `first` in the diagnosis (or another
        that is right too was); in how many of the `locatable` ones the line was right; healthy runs with an alarm.
    """
    names = {run["expect"] for run in runs if run["expect"]} | {name for run in runs for name in run["alarms"]}
    found = {}
    for name in sorted(names):
        sick = [run for run in runs if run["expect"] == name]
        locatable = [run for run in sick if run["located"] is not None]
        found[name] = {
            "runs": len(sick),
            "found": sum(any(f["check"] == name for f in run.get("findings", ())) for run in sick),
            "first": sum(run["right"] for run in sick),
            "locatable": len(locatable),
            "located": sum(run["located"] for run in locatable),
            "false_alarms": sum(name in run["alarms"] for run in runs if not run["expect"]),
        }
    return found


def _share(flags: Iterable[bool]) -> float:
    counted = list(flags)
    return sum(counted) / len(counted) if counted else 0.0
