"""The recipe as a checklist: six stages with their gates, the evidence, and the one next action."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from netvet.report import schemas
from netvet.report.plain import clean, wrap
from netvet.report.text import Line, width_of, write_lines
from netvet.report.words import fix_command

Record = Mapping[str, Any]
TITLES = {
    "data": "Become one with the data",
    "skeleton": "A skeleton you can trust",
    "overfit": "Overfit",
    "regularise": "Regularise",
    "tune": "Tune",
    "squeeze": "Squeeze out the juice",
}
_PLAIN = ("dim", "bold")
_MARK = {
    "passed": ("ok", "green"), "failed": ("FAIL", "bold red"), "advice": ("try", "cyan"), "not yet": ("--", "dim"),
    "undetermined": ("?", "yellow"), "not assessed": ("-", "dim"),
}  # fmt: skip
SCHEMA = "netvet.recipe/1"


def as_json(stages: Sequence[Record], experiments: Sequence[Record], view: Record) -> str:
    """The checklist with the evidence of each experiment, and all that the report of a run has, as indented JSON."""
    found = {
        **view, "schema": SCHEMA, "stages": list(stages), "next": next_action(stages, view),
        "experiments": list(experiments),
    }  # fmt: skip
    return json.dumps(_finite(found), indent=2, default=str, allow_nan=False) + "\n"


def schema() -> dict[str, Any]:
    """The JSON schema (2020-12) of the checklist."""
    return schemas.schema("recipe")


def _finite(value: Any) -> Any:
    """JSON has no numbers that are none: null stands for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, (list, tuple)) else value


def as_text(lines: Sequence[Line]) -> str:
    """Lines without colours."""
    return "\n".join("".join(text for text, _ in line) for line in lines)


def next_action(stages: Sequence[Record], view: Record) -> str:
    """The one thing to do now: what the diagnosis says, else what the first open gate asks for."""
    for verdict in view["diagnosis"]:
        if verdict.get("next"):
            return str(verdict["next"])
    for wanted in ("failed", "advice"):
        for stage in stages:
            for item in stage["items"]:
                if item["verdict"] == wanted and item["next"]:
                    return str(item["next"])
    return ""


def show(
    stages: Sequence[Record], view: Record, stream: TextIO, *, notes: Sequence[str] = (), verbose: bool = False
) -> None:
    """Write the checklist: what failed in full, the rest on a line each."""
    write_lines(render(stages, view, width_of(stream), notes=notes, verbose=verbose), stream)


def render(
    stages: Sequence[Record], view: Record, width: int, *, notes: Sequence[str] = (), verbose: bool = False
) -> list[Line]:
    """The lines of the checklist."""
    lines: list[Line] = []
    for number, stage in enumerate(stages, 1):
        title = f"{number} {TITLES[stage['stage']]:<28}"
        lines.append(((title, "bold"), (stage["gate"], _MARK[stage["gate"]][1])))
        for item in stage["items"]:
            if item["verdict"] != "not assessed" or verbose:
                word, style = _MARK[item["verdict"]]
                lines += _wrapped(f"   {word:<5}", f"{item['name']}: {item['message']}", width, style)
        quiet = [item for item in stage["items"] if item["verdict"] == "not assessed"]
        if quiet and not verbose:
            reasons = {item["message"] for item in quiet}
            names = ", ".join(item["name"] for item in quiet)
            told = f": {next(iter(reasons))}" if len(reasons) == 1 else " (--verbose says why)"
            lines += _wrapped("   -    ", f"not assessed: {names}{told}", width, "dim")
    for note in notes:
        lines += _wrapped("  note  ", note, width, "dim")
    action = next_action(stages, view)
    if action:
        lines += [(), *_wrapped("Next: ", action, width, "bold")]
    first = next((v for v in view["diagnosis"] if v.get("next")), None)
    if first is not None and view["run"]["script"]:
        lines += _wrapped("Prove it: ", fix_command(view, first["check"]), width, "")
    return lines


def _wrapped(head: str, text: str, width: int, style: str) -> list[Line]:
    found: list[Line] = []
    for number, line in enumerate(wrap(clean(text, 1000), width - len(head))):
        found.append(((head if number == 0 else " " * len(head), style), (line, style if style in _PLAIN else "")))
    return found
