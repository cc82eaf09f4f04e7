"""An evaluation of the whole set."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import loops
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the whole set evaluated", mends=("partial-evaluation",), cost="time", corrects_score=True)
def whole_set(program: Program) -> Iterator[Editor]:
    """Go through all batches of the evaluation, and return behind the loop.

    ## What it changes
    A `return` inside the loop goes behind it; a `break` is taken out, with the condition it stands under.

    ## References
    The score of n samples is known to within 1.96 sqrt(p (1 - p) / n) only (Wald interval).
    """
    passes = [e for e in program.facts("evaluations") if e.get("exit_file")]
    if not passes:
        raise NotApplicable("no return or break leaves the loop of an evaluation")
    file, line = program.file(passes[-1], "exit_")
    editor = program.editor("the whole set evaluated")
    leaves: list[cst.Return | cst.Break] = [*file.at(line, cst.Return), *file.at(line, cst.Break)]
    around = loops(file, leaves[0]) if leaves else []
    if not around:
        raise NotApplicable("no return or break of a loop stands where the run says")
    statement = file.statement_of(leaves[0])
    branch = file.parent(file.parent(statement) or statement)
    if isinstance(leaves[0], cst.Return):
        if file.parent(file.parent(statement) or statement) is not around[0]:
            raise NotApplicable("the return inside the loop stands under a condition")
        code = file.code(statement).strip() + "\n"
        editor.remove(file, statement)
        editor.insert(file, around[0], after=code)
    elif isinstance(branch, cst.If) and branch.orelse is None and len(branch.body.body) == 1:
        editor.remove(file, branch)
    else:
        editor.remove(file, statement)
    yield editor
