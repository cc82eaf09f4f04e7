"""Dropout: where it stands, and how much it drops."""

from __future__ import annotations

from netvet.fixes.edits import set_argument
from netvet.fixes.modules import made_by, of_class
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable

LAYERS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")
FUNCTIONS = ("dropout", "dropout1d", "dropout2d")


def layers(program: Program) -> list[tuple[Site, list[Record]]]:
    """Where layers of dropout are made, that drop something."""
    dropping = [m for m in of_class(program, *LAYERS) if (m.get("settings") or {}).get("p") and m.get("created_file")]
    return made_by(program, dropping)


def calls(program: Program) -> list[Site]:
    """Where the function is called in a file of the program."""
    found: list[Site] = []
    for node in program.facts("graph"):
        if node.get("function") in FUNCTIONS and not node.get("created_file") and node.get("file"):
            try:
                site = program.site(node, *FUNCTIONS)
            except NotApplicable:
                continue
            if not any(site.call is one.call for one in found):
                found.append(site)
    return found


def with_rate(program: Program, rate: float, above: float = 0.0) -> Editor:
    """One variant: dropout of another rate everywhere where more than `above` is dropped.

    Raises:
        NotApplicable: there is none.
    """
    editor = program.editor(f"dropout of {rate:g}")
    found = False
    for site, records in layers(program):
        if any(float((r.get("settings") or {}).get("p") or 0) > above for r in records):
            set_argument(editor, site, "p", f"{rate:g}", 0)
            found = True
    for site in calls(program):
        set_argument(editor, site, "p", f"{rate:g}", 1)
        found = True
    if not found:
        raise NotApplicable("the program has no such dropout")
    return editor
