"""What cuts the gradient off in a program of JAX."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called


def keep_graph(program: Program) -> Iterator[Editor]:
    """The call of `stop_gradient` taken out: the one at the finding's place, else the only one of the file."""
    file, line = program.file(program.place)
    calls = file.calls(line, "stop_gradient") or _only(file)
    if len(calls) != 1 or not calls[0].args:
        raise NotApplicable("no stop_gradient stands where the gradient is lost")
    editor = program.editor("the gradient kept")
    inner = calls[0].args[0].value
    editor.change(file, calls[0], lambda old: old.args[0].value if isinstance(old, cst.Call) else inner)
    yield editor


def _only(file: SourceFile) -> list[cst.Call]:
    found = [c for c in file.nodes(cst.Call) if called(c) == "stop_gradient"]
    return found if len(found) == 1 else []
