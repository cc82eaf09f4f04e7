"""What trials of fixes have shown: the diagnosis, a line for each change, and the patch to apply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from netvet.report import schemas
from netvet.report.plain import clean, clean_code, wrap
from netvet.report.text import Line, width_of, write_lines

Record = Mapping[str, Any]
_MARK = {
    "helped": "green", "no difference": "dim", "made worse": "red", "undecided": "yellow", "not comparable": "yellow",
    "not assessed": "yellow",    "could not be applied": "dim",
}  # fmt: skip
_SHORT = {"could not be applied": "fails"}
_STANDING = {"proven": "bold green", "mended": "green", "refuted": "yellow", "open": "dim"}


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of what is shown."""
    return schemas.schema("fix")


def show(found: Record, stream: TextIO, *, verbose: bool = False) -> None:
    """Write the report of a study."""
    write_lines(render(found, width_of(stream), verbose=verbose), stream)


def render(found: Record, width: int, *, verbose: bool = False) -> list[Line]:
    """Its lines."""
    lines: list[Line] = []
    for number, one in enumerate(found["rounds"], 1):
        if len(found["rounds"]) > 1:
            lines += [((f"Round {number}", "bold"),)]
        lines += _round(one, width)
    lines += _patch(found)
    lines += _refused(found["rounds"], width, verbose=verbose)
    earlier = f" and {found['reused']} of an earlier start" if found["reused"] else ""
    lines += [(), ((f"{found['trials']} trials{earlier}, {found['seconds']:.0f} s in all.", "dim"),)]
    return lines


def _round(one: Record, width: int) -> list[Line]:
    lines: list[Line] = []
    if not one["diagnosis"]:
        needed = "" if one["fixes"] else ": no fix is needed"
        lines += _wrapped("", f"Nothing wrong was seen{needed}.", width, "bold")
    for verdict in one["diagnosis"]:
        known = verdict["standing"] != "open" or not verdict["undetermined"]
        word = verdict["standing"] if known else "undetermined"
        place = verdict["location"]
        where = f" ({place['file']}:{place['line']})" if place else ""
        name = f"{verdict['named']}, seen as {verdict['check']}" if verdict["named"] else verdict["check"]
        lines += [((f"{name}{where}: ", "bold"), (_told(word), _STANDING.get(word, "yellow")))]
        lines += _wrapped("  ", verdict["because"], width, "")
    if one["fixes"]:
        lines += [(), ((_unchanged(one), ""),)]
    for arm in one["fixes"]:
        word = _SHORT.get(arm["verdict"], arm["verdict"])
        lines += _wrapped(f"  {word:<14} ", f"{arm['fix']}: {_arm(arm)}", width, _MARK[arm["verdict"]])
    return lines + _outcome(one, width)


def _refused(rounds: Sequence[Record], width: int, *, verbose: bool) -> list[Line]:
    """Fixes that could not be made, after all that was found."""
    reasons = {one["fix"]: one["reason"] for round_ in rounds for one in round_["refused"]}
    if not reasons:
        return []
    if not verbose:
        return [(), *_wrapped("Not applied: ", f"{', '.join(reasons)} (--verbose says why)", width, "dim")]
    lines: list[Line] = [(), (("Not applied:", "bold"),)]
    for name, reason in reasons.items():
        lines += _wrapped("  ", f"{name}: {reason}", width, "dim")
    return lines


def _told(word: str) -> str:
    told = {"refuted": "refuted: no change of it made a difference", "mended": "mended, by a change below"}
    return told.get(word, word)


def _unchanged(one: Record) -> str:
    runs = list(one["unchanged"].values())
    first = runs[0]
    failed = next((r["error"].splitlines()[-1] for r in runs if r["error"]), "")
    if failed:
        return f"The unchanged program fails: {clean(failed, 200)}"
    told = _value(first["value"])
    return f"The unchanged program: {first['metric'] or 'no score'} {told} on {_scored(first)}, {first['steps']} steps."


def _scored(run: Record) -> str:
    where = {"val": "held-out samples", "train": "training samples"}[run["split"]]
    return f"{run['samples']} {where}" if run["samples"] else where


def _arm(arm: Record) -> str:
    parts = [arm["what"]]
    seen = arm["evidence"]
    if seen is not None:
        parts.append(f"{arm['metric']} {_value(arm['before'])} -> {_value(arm['after'])} ({_difference(seen)})")
    if arm["reason"]:
        parts.append(clean(arm["reason"].strip().splitlines()[-1], 300))
    if arm["verdict"] == "helped" and arm["cost"] != "nothing":
        parts.append(f"it costs {arm['cost']}")
    return "; ".join(parts)


def _difference(seen: Record) -> str:
    pairs = f"{seen['pairs']} pair{'s' if seen['pairs'] > 1 else ''}"
    if seen["low"] is None:
        return f"{seen['effect']:+.2g}, {pairs}"
    return f"{seen['effect']:+.2g}, 95 %: {seen['low']:+.2g} to {seen['high']:+.2g}, p {seen['p']:.2g}, {pairs}"


def _outcome(one: Record, width: int) -> list[Line]:
    lines: list[Line] = []
    if one["best"]:
        first, *others = one["best"]
        alike = f" (as good: {', '.join(others)})" if others else ""
        lines += [(), *_wrapped("", f"Recommended: {first}{alike}.", width, "bold green")]
    elif one["corrected"]:
        text = f"Recommended: {one['corrected']}. It ends the finding; the score does not show that."
        lines += [(), *_wrapped("", text, width, "bold green")]
    elif one["diagnosis"] and one["fixes"]:
        lines += [(), *_wrapped("", "None of these changes is proven to help.", width, "bold")]
    elif one["diagnosis"]:
        lines += [(), *_wrapped("", "No change could be tried for what is wrong.", width, "bold")]
    if one["gone"]:
        lines += _wrapped("", f"With it these findings are gone: {', '.join(one['gone'])}.", width, "")
    if one["left"]:
        lines += _wrapped("", f"Still there: {', '.join(one['left'])}.", width, "dim")
    return lines


def _patch(found: Record) -> list[Line]:
    if not found["patch"]:
        return []
    styles = {"+": "green", "-": "red", "@": "cyan"}
    lines: list[Line] = [(), (("The change (--apply writes it):", "bold"),)]
    diff = str(found["patch"]).splitlines()
    return lines + [((clean_code(line), styles.get(line[:1], "")),) for line in diff]


def _value(value: float | None) -> str:
    return "no number" if value is None else f"{value:.3g}"


def _wrapped(head: str, text: str, width: int, style: str) -> list[Line]:
    found: list[Line] = []
    for number, line in enumerate(wrap(clean(text, 2000), max(width - len(head), 20))):
        found.append(((head if number == 0 else " " * len(head), style), (line, style if not head else "")))
    return found


def listed(fixes: Sequence[Record], width: int) -> list[Line]:
    """The table of all fixes."""
    lines: list[Line] = []
    for one in fixes:
        mends = f" (for {', '.join(one['mends'])})" if one["mends"] else ""
        made = f"; {', '.join(one['made_in'])}" if one.get("made_in") else ""
        lines += _wrapped(f"{one['name']:<22} ", one["title"] + made + mends, width, "bold")
    return lines
