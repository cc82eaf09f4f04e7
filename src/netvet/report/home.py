"""The first thing that a page shows, in words: the verdict, what follows from it, where on the road the run stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

from netvet.report.data import split_table
from netvet.report.log import facts as log_facts
from netvet.report.recipe import TITLES, next_action
from netvet.report.view import FindingView, VerdictView, View
from netvet.report.words import (
    Tone,
    beside,
    fix_command,
    gravity,
    headline,
    measured,
    number,
    place,
    recipe_command,
    repeatable,
    ruled_out,
    still_open,
    sureness,
    unit_of,
)

# A run without experiments has no gates: its checks see faults, or they do not.
_SEEN = {"passed": "nothing wrong seen", "failed": "faults seen"}
_ENDS = {
    "ok": "at its end", "exit": "by sys.exit", "exception": "by an exception", "interrupt": "by Ctrl-C",
    "terminated": "by its launcher", "stopped": "by netvet",
}  # fmt: skip


class SentenceView(TypedDict):
    """A sentence, and how grave it is."""

    text: str
    tone: Tone


class LineView(TypedDict):
    """A line of the user's code: file and number, and its text where it is known."""

    text: str
    source: str | None


class SeenView(TypedDict):
    """A finding in a list."""

    check: str
    severity: str
    message: str
    place: str
    allowed: str | None


class VerdictWords(TypedDict):
    """A cause, or a symptom without one; a text that does not apply is empty.

    Attributes:
        proof: what was seen, the main finding first. `measured`: its number, limit and step.
        change: the one to try. `prove`: the command that proves it. `find_out`: the one that tells causes apart.
        symptoms: that it explains.
    """

    check: str
    severity: Tone
    sureness: str
    undetermined: bool
    proof: list[str]
    measured: str
    places: list[LineView]
    change: str
    prove: str
    ruled_out: str
    open: str
    find_out: str
    symptoms: list[SeenView]


class GroupView(TypedDict):
    """Findings under a title."""

    title: str
    findings: list[SeenView]


class StageView(TypedDict):
    """A stage of the recipe: its gate, in a word too, and what was looked at."""

    stage: str
    title: str
    gate: str
    word: str
    items: list[Mapping[str, Any]]


class BlindView(TypedDict):
    """A reason why checks could not look, and those."""

    reason: str
    checks: list[str]


class TableWords(TypedDict):
    """A table of words."""

    head: list[str]
    rows: list[list[str]]


class HomeView(TypedDict):
    """All that the first panel of a page says.

    Attributes:
        experimented: the stages are those of a recipe; else those that checks belong to. `recipe`: the command that
            makes the experiments; empty where there is no program. `next`: what to do, where no verdict says it.
        facts: of the run, name and text. `data`: the splits of an audit.
    """

    headline: list[SentenceView]
    verdicts: list[VerdictWords]
    beside: list[GroupView]
    stages: list[StageView]
    experimented: bool
    recipe: str
    next: str
    notes: list[str]
    facts: list[tuple[str, str]]
    blind: str
    blind_reasons: list[BlindView]
    problems: list[str]
    data: NotRequired[TableWords]


def home(view: View, stages: Sequence[Mapping[str, Any]], experiments: Sequence[Mapping[str, Any]] | None) -> HomeView:
    """The home of a run.

    Args:
        view: its report. stages: see `report.checklist`.
        experiments: the records of its recipe; None where there was none.
    """
    experimented, blind = experiments is not None, len(view["not_assessed"])
    told = any(verdict["next"] for verdict in view["diagnosis"])
    found: HomeView = {
        "headline": [{"text": text, "tone": tone} for text, tone in headline(view)],
        "verdicts": [
            _verdict(view, one, by_name=experimented or one is not view["diagnosis"][0])
            for one in view["diagnosis"]
            if one["findings"]
        ],
        "beside": [{"title": title, "findings": [_seen(f) for f in ones]} for title, ones in beside(view)],
        "stages": [_stage(stage, experimented) for stage in stages],
        "experimented": experimented,
        "recipe": recipe_command(view) if repeatable(view) and not experimented else "",
        "next": next_action(stages, view) if experimented and not told else "",
        "notes": list(experiments[0].get("notes", [])) if experiments else [],
        "facts": list(facts(view)),
        "blind": f"{blind} of {view['checks_looked'] + blind} checks could not look" if blind else "",
        "blind_reasons": _blind(view),
        "problems": list(view["problems"]),
    }
    if view["data"] is not None:
        head, rows = split_table(view["data"])
        found["data"] = {"head": list(head), "rows": [list(row) for row in rows]}
    return found


def _verdict(view: View, one: VerdictView, *, by_name: bool) -> VerdictWords:
    findings = [view["findings"][index] for index in one["findings"]]
    provable, unsure = bool(one["next"] and repeatable(view)), one["undetermined"]
    experiments = one["experiments"] if repeatable(view) or not view["run"]["script"] else ()
    return {
        "check": one["check"],
        "severity": gravity(view, one),
        "sureness": sureness(one),
        "undetermined": unsure,
        "proof": list(dict.fromkeys(f["message"] for f in findings)),
        "measured": measured(findings[0], unit_of(view)),
        "places": _places(findings),
        "change": one["next"] or "",
        "prove": fix_command(view, one["check"] if by_name else None) if provable else "",
        "ruled_out": ruled_out(one) if unsure else "",
        "open": still_open(view, one) if unsure else "",
        "find_out": recipe_command(view, experiments) if unsure and experiments else "",
        "symptoms": [_seen(view["findings"][index]) for index in one["folded"]],
    }


def _places(findings: Sequence[FindingView]) -> list[LineView]:
    found = {place(f["location"]): f["location"]["source"] for f in findings if f["location"]}
    return [{"text": text, "source": source} for text, source in found.items()]


def _seen(one: FindingView) -> SeenView:
    return {
        "check": one["check"], "severity": one["severity"], "message": one["message"],
        "place": place(one["location"]), "allowed": one["allowed"],
    }  # fmt: skip


def _stage(stage: Mapping[str, Any], experimented: bool) -> StageView:
    gate = str(stage["gate"])
    items = list(stage["items"])
    if not experimented and gate == "not yet":  # without experiments no gate is closed
        gate = "failed" if any(item["verdict"] == "failed" for item in items) else "passed"
    return {
        "stage": stage["stage"], "title": TITLES[stage["stage"]], "gate": gate,
        "word": gate if experimented else _SEEN.get(gate, gate), "items": items,
    }  # fmt: skip


def _blind(view: View) -> list[BlindView]:
    reasons: dict[str, list[str]] = {}
    for one in view["not_assessed"]:
        reasons.setdefault(one["reason"], []).append(one["check"])
    by_number = sorted(reasons.items(), key=lambda pair: -len(pair[1]))
    return [{"reason": reason, "checks": checks} for reason, checks in by_number]


def facts(view: View) -> list[tuple[str, str]]:
    """The facts of a run that are known, by name."""
    run, overhead = view["run"], view["overhead"]
    seconds, share, cost = run["seconds"], overhead["share"], overhead["seconds"]
    ended = "" if run["started"] is None else _ENDS.get(run["ended"] or "", run["ended"] or "no end yet")
    timed = f"{seconds:,.1f} s" if isinstance(seconds, int | float) else ""
    netvet = f"{100 * share:.1f} % of the time" if isinstance(share, int | float) else ""
    if netvet and isinstance(cost, int | float):
        netvet += f" ({cost:.2f} s)"
    known = [
        ("Run", run["name"] or ""),
        *log_facts(view["log"]),
        ("Program", " ".join([run["script"], *run["arguments"]]) if run["script"] else ""),
        ("Started", (run["started"] or "").replace("T", " ").replace("+00:00", " UTC")),
        ("Ended", ended),
        ("Steps", "" if run["steps"] is None else f"{run['steps']:,}"),
        ("Samples", "" if run["samples"] is None else f"{run['samples']:,}"),
        ("Epochs", "" if run["epochs"] is None else number(run["epochs"])),
        ("Time", timed),
        ("Cost of netvet", netvet),
        *((name.replace("_", " ").capitalize(), _told(value)) for name, value in run["environment"].items()),
    ]
    return [(name, text) for name, text in known if text]


def _told(value: Any) -> str:
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_told(one)}" for name, one in value.items() if _told(one))
    return ", ".join(map(_told, value)) if isinstance(value, list) else str(value)
