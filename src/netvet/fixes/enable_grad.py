"""Gradients on where training runs."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.graphs import switch_on, switched_off
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable, called


@fix(title="gradients switched on", mends=("detached-loss", "detached-parameters"))
def enable_grad(program: Program) -> Iterator[Editor]:
    """Take `torch.no_grad()` away from what is trained.

    ## What it changes
    The `with` or the decorator; what it held stays.

    ## Known problems
    A part that is meant to stay as it is, as a pretrained encoder, learns after it.

    ## References
    The documentation of `torch.no_grad`.
    """
    editor = program.editor("gradients switched on")
    done: list[object] = []
    places: list[tuple[Record, str]] = [(r, "made_") for r in program.facts("backwards") if not r.get("has_graph")]
    if program.finding is not None and program.finding.location is not None:
        places.append(({"file": program.place.file, "line": program.place.line}, ""))
    places += [(r, "") for r in program.facts("cuts") if r.get("inside") or r.get("models")]
    places += [(r, "") for r in program.facts("backwards")]
    for record, prefix in places:
        if not record.get(f"{prefix}file"):
            continue
        file, line = program.file(record, prefix)
        around = [switched_off(file, file.statement(line))]
        functions = [f for f in file.nodes(cst.FunctionDef) if any(called(c) == f.name.value for c in file.calls(line))]
        for found in (*around, *(switched_off(file, f.body) for f in functions)):
            if found is not None and all(found is not one for one in done):
                switch_on(editor, file, found)
                done.append(found)
    if not done:
        raise NotApplicable("no_grad does not stand where training runs")
    yield editor
