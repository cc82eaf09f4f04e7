"""The words of a report, for whatever shows it: the terminal wraps them, the page lays them out."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from netvet.report.plain import clean
from netvet.report.view import FindingView, Number, PlaceView, VerdictView, View

Tone = Literal["error", "warning", "note", "good", "plain"]
# A sentence and how grave it is.
Sentence = tuple[str, Tone]

# A reason for not assessing is told in one line.
MAX_REASON = 70
# Checks that are named where their reasons are not.
MAX_NAMED = 4
# What a function of netvet is given in a notebook.
_SETUP = "model, loss=loss, train=loader, val=val_loader"


def headline(view: View) -> list[Sentence]:
    """How the run ended, if not well, and the verdict in one sentence."""
    ended = ending(view)
    return [*([ended] if ended else []), verdict_sentence(view) if view["diagnosis"] else no_verdict(view)]


def verdict_sentence(view: View) -> Sentence:
    """What is wrong, of a report with a diagnosis."""
    first = view["diagnosis"][0]
    words = first["check"].replace("-", " ")
    grave = gravity(view, first)
    more = len(view["diagnosis"]) - 1
    tail = f" - and {more} more {plural('cause', more)}." if more else "."
    if first["undetermined"]:
        return f"Something is wrong ({words}), but its cause is undetermined.", grave
    if grave == "error":
        what = "Training is" if view["run"]["samples"] is None else "The data are"
        return f"{what} wrong: {words}{tail}", grave
    return f"Likely to cost accuracy or trust: {words}{tail}", grave


def gravity(view: View, verdict: VerdictView) -> Tone:
    """The severity of the finding that a verdict is about."""
    found = view["findings"][verdict["findings"][0]]["severity"] if verdict["findings"] else "error"
    known: dict[str, Tone] = {"error": "error", "warning": "warning", "note": "note"}
    return known[found]


def ending(view: View) -> Sentence | None:
    """How the run ended, where that was not as it should."""
    run = view["run"]
    at = "" if run["steps"] is None else f" after {run['steps']:,} steps"
    if run["ended"] == "exception":
        where = run["exception_location"]
        line = f" ({place(where)})" if where else ""
        return f"The script stopped{at}: {run['exception'] or 'an exception'}{line}", "error"
    if run["ended"] == "terminated":
        return "The launcher ended the script before its end; this is about what ran until then.", "plain"
    if run["ended"] == "stopped":
        at = "" if run["stopped_step"] is None else f" at step {run['stopped_step']:,}"
        tone: Tone = "error" if run["samples"] is None else "plain"  # an audit has seen what it wanted
        return f"Stopped{at} because of {run['stopped_because'] or 'a finding'}", tone
    if run["ended"] == "interrupt":
        return f"Interrupted{at}: this is what was seen until then.", "warning"
    if run["ended"] is None and run["started"] is not None:
        return f"The run has no end (killed, or still running): this is what was seen{at}.", "warning"
    return None


def no_verdict(view: View) -> Sentence:
    """What a report without a diagnosis says."""
    looked, blind = view["checks_looked"], len(view["not_assessed"])
    counts = f"{looked} {plural('check', looked)} looked, {blind} could not"
    serious = [f for f in view["findings"] if f["severity"] != "note"]
    if view["run"]["steps"] == 0:
        return f"Not judged: no training step was seen; {counts}.", "warning"
    if not looked:
        return f"Not judged: {counts}.", "warning"
    if any(finding["allowed"] is None for finding in serious):
        return f"Nothing wrong beyond what follows from allowed findings: {counts}.", "warning"
    until = "" if view["run"]["ended"] in ("ok", "exit") or view["log"] else " until then"
    until = " in this log" if view["log"] else until
    return f"No fault seen{until}: {counts}.", "good"


def sureness(verdict: VerdictView) -> str:
    """How sure a cause is. Words, because the numbers are no calibrated probabilities."""
    if verdict["undetermined"]:
        return "cause undetermined"
    confidence = verdict["confidence"]
    if confidence >= 0.99:
        return "seen directly"
    return "very likely" if confidence >= 0.8 else "likely" if confidence >= 0.5 else "possible"


def measured(finding: FindingView, unit: str = "step") -> str:
    """The number of a finding against its limit, since when, and where; empty where it has none."""
    if finding["limit"] is None or finding["value"] is None:
        return ""
    parts = [f"{number(finding['value'])} against a limit of {number(finding['limit'])}"]
    if finding["step"]:
        parts.append(f"since {unit} {finding['step']:,}")
    if finding["where"] and finding["where"] not in finding["message"]:
        parts.append(f"at {finding['where']}")
    return ", ".join(parts)


def number(value: Number | None) -> str:
    """A number in four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def unit_of(view: View) -> str:
    """What the steps of a report count."""
    return str(view["log"]["unit"]) if view["log"] else "step"


def place(one: PlaceView | None) -> str:
    """File and line."""
    return f"{one['file']}:{one['line']}" if one else ""


def ruled_out(verdict: VerdictView) -> str:
    """Of an undetermined cause: what was looked for and not found."""
    if not verdict["ruled_out"] and not verdict["not_ruled_out"]:
        return "nothing: no check for a cause of this is known"
    return ", ".join(verdict["ruled_out"])


def still_open(view: View, verdict: VerdictView) -> str:
    """Of an undetermined cause: what could not be looked for, and why."""
    reasons = {skipped["check"]: skipped["reason"] for skipped in view["not_assessed"]}
    if view["log"]:
        count = sum(name in reasons for name in verdict["not_ruled_out"])
        seen = [name for name in verdict["not_ruled_out"] if name not in reasons]
        blind = f"{count} {plural('cause', count)} of which a log shows nothing; `netvet run train.py` looks for them"
        return "; ".join([*seen, *([blind] if count else [])])
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(verdict["not_ruled_out"]):
        found.setdefault(reasons.get(name, ""), []).append(name)
    return "; ".join(f"{', '.join(names)} ({why})" if why else ", ".join(names) for why, names in found.items())


def fix_command(view: Mapping[str, Any], check: str | None = None) -> str:
    """What proves a change; `check`: of this cause alone."""
    if in_notebook(view):
        return f"netvet.fix({_SETUP})"
    return f"netvet fix {f'--for {check} ' if check else ''}{command_of(view)}"


def recipe_command(view: View, only: Sequence[str] = ()) -> str:
    """What makes experiments, all or these."""
    names = ",".join(only)
    if in_notebook(view):
        return f"netvet.recipe({_SETUP}{f', only={names!r}' if only else ''})"
    return f"netvet recipe {f'--only {names} ' if only else ''}{command_of(view)}"


def repeatable(view: View) -> bool:
    """`netvet recipe` and `netvet fix` take the program: they repeat training loops of PyTorch."""
    return bool(view["run"]["script"]) and not {"keras", "jax"} & set(view["run"]["environment"])


def in_notebook(view: Mapping[str, Any]) -> bool:
    """The program is a cell, which no command can run again."""
    script = (view["run"]["script"] or "").replace("\\", "/")
    return script.startswith("<") or "/ipykernel_" in script


def command_of(view: Mapping[str, Any]) -> str:
    """The program and its arguments, as a shell takes them."""
    return shlex.join([view["run"]["script"] or "train.py", *view["run"]["arguments"]])


def beside(view: View) -> list[tuple[str, list[FindingView]]]:
    """The findings that no verdict tells of, under their titles; empty groups left out."""
    told = {index for verdict in view["diagnosis"] for index in (*verdict["findings"], *verdict["folded"])}
    rest = [finding for index, finding in enumerate(view["findings"]) if index not in told]
    groups = [
        ("Also seen", [f for f in rest if f["severity"] != "note" and f["allowed"] is None]),
        ("Notes", [f for f in rest if f["severity"] == "note" and f["allowed"] is None]),
        ("Allowed", [f for f in rest if f["allowed"] is not None]),
    ]
    return [(title, findings) for title, findings in groups if findings]


def blind_reasons(view: View) -> list[tuple[str, int]]:
    """Why checks could not look, and how many, the commonest reason first."""
    return Counter(clean(one["reason"], MAX_REASON) for one in view["not_assessed"]).most_common()


def blind_sentence(view: View, reasons: int) -> str:
    """How many checks could not look, with so many of the reasons; empty if all could."""
    skipped, counted = view["not_assessed"], blind_reasons(view)
    if not skipped:
        return ""
    told = "; ".join(f"{reason} ({count})" for reason, count in counted[:reasons])
    shown = {reason for reason, _ in counted[:reasons]}
    more = [one["check"] for one in skipped if clean(one["reason"], MAX_REASON) not in shown]
    others = ", ".join(more) if len(more) <= MAX_NAMED else f"{len(more)} more"
    tail = f"; {others} (--verbose says why)" if more else ""
    return f"Not assessed: {len(skipped)} of {view['checks_looked'] + len(skipped)} checks - {told}{tail}."


def run_parts(view: View) -> list[str]:
    """How long the run was, and what netvet cost it."""
    run, share = view["run"], view["overhead"]["share"]
    if view["log"]:
        return [f"{unit_of(view)} {view['log']['last']:,} is the last"]
    parts = [f"{run[unit]:,} {unit}" for unit in ("steps", "samples") if run[unit] is not None]
    if isinstance(run["seconds"], int | float):
        parts.append(f"{run['seconds']:.1f} s")
    if isinstance(share, int | float):
        parts.append(f"{100 * share:.1f} % of it spent by netvet")
    return parts


def plural(word: str, count: int) -> str:
    """The word, for so many."""
    return word if count == 1 else f"{word}s"
