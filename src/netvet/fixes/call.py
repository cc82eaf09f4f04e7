"""Layers that are made and never called, called in their turn."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="a layer that was left out called", mends=("unused-parameters",))
def call(program: Program) -> Iterator[Editor]:
    """Call a numbered layer that forward leaves out as the one behind it is called.

    ## What it changes
    The statement that calls `self.conv3` stands once more in front of itself, with `self.conv2` and all other layers
    of that number.

    ## Known problems
    Only where the statement works on one variable, and all of its numbered layers have an unused one of the number
    before: elsewhere the place is not known.

    ## References
    The documentation of `torch.nn.Module`: what forward does not call does nothing.
    """
    lost = {str(p.get("layer")) for p in program.facts("parameters") if p.get("reached") is False}
    modules = {str(m.get("name")): m for m in program.facts("modules")}
    editor, done = program.editor("a layer that was left out called"), set[str]()
    for name in sorted(lost):
        later = modules.get(_next(name))
        if later is None or not later.get("called_file"):
            continue
        file, line = program.file(later, "called_")
        statement = file.statement(line)
        written = file.code(statement).strip().partition("  #")[0]
        code = re.sub(r"\bself\.(\w*?)(\d+)\b", lambda m: f"self.{m[1]}{int(m[2]) - 1}", written)
        used = set(re.findall(r"\bself\.(\w*\d)\b", code))
        target = written.partition("=")[0].strip()
        one = target.isidentifier() and re.search(rf"\(\s*{target}\s*\)", written)
        if used and used <= lost and one and code not in done:
            editor.insert(file, statement, before=f"{code}\n")
            done.add(code)
    if not done:
        raise NotApplicable("where the layers belong that are never called cannot be told")
    yield editor


def _next(name: str) -> str:
    """`conv3` of `conv2`; empty without a number."""
    found = re.fullmatch(r"(.*?)(\d+)", name)
    return f"{found[1]}{int(found[2]) + 1}" if found and not found[1].endswith(".") and found[1] else ""
