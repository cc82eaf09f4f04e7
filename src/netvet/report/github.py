"""Findings as workflow commands of GitHub Actions, which shows them at the lines of a change."""

from __future__ import annotations

from pathlib import Path

from netvet.report.places import below, place_of
from netvet.report.plain import clean
from netvet.report.view import FindingView, View

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
# What ends a message, and in addition what ends a property: https://github.com/actions/toolkit, `command.ts`.
_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})
_MAX_TEXT = 1000


def as_github(view: View, folder: Path, root: Path | None = None) -> str:
    """One line for each finding that is not acknowledged, the gravest first, each with a newline at its end.

    Args:
        view: the report.
        folder: what its paths are relative to.
        root: the checkout, of which GitHub knows the files (the folder).
    """
    known = root or folder
    return "".join(_command(one, view, folder, known) for one in view["findings"] if one["allowed"] is None)


def _command(finding: FindingView, view: View, folder: Path, root: Path) -> str:
    place = place_of(finding, view)
    properties = {} if place is None else {"file": below(place[0], folder, root), "line": str(place[1])}
    properties["title"] = f"netvet {finding['check']}"
    shown = ",".join(f"{name}={text.translate(_PROPERTY)}" for name, text in properties.items())
    lines = [finding["message"], *(fix["advice"] for fix in finding["fixes"][:1])]
    message = "\n".join(clean(line, _MAX_TEXT) for line in lines).translate(_MESSAGE)
    return f"::{_COMMANDS[finding['severity']]} {shown}::{message}\n"
