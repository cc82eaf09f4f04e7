"""The next element of a sequence as target."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import assignment, inside
from netvet.fixes.source import Editor, NotApplicable


@fix(title="targets shifted by one", mends=("target-in-input",), changes_loss=True)
def shift_target(program: Program) -> Iterator[Editor]:
    """Let the target be the sequence one step later than the input.

    ## What it changes
    The slice that cuts the target from the same sequence as the input: both of its ends are moved by one.

    ## Known problems
    The last window of a sequence needs one more element: where windows are drawn up to the very end, the line that
    draws them is to be changed too.

    ## References
    Bengio et al., "A neural probabilistic language model" (2003).
    """
    if not any(r.get("shifted_identity") or r.get("identical") for r in program.facts("target_in_input")):
        raise NotApplicable("the target is not the input itself")
    file, line = program.file(program.place)
    made = assignment(file, line)
    cuts = [n for n in inside(made.value, cst.Subscript) if isinstance(n, cst.Subscript) and _is_window(n)]
    if len(cuts) != 1:
        raise NotApplicable(f"the target is not cut by one slice at line {line}")
    code = file.code(cuts[0])
    twins = [n for n in file.nodes(cst.Subscript) if file.code(n) == code and n is not cuts[0]]
    if not any(file.function(n) is file.function(made) for n in twins):
        raise NotApplicable("the input is not cut by the same slice in the same place")
    part = cuts[0].slice[0].slice
    assert isinstance(part, cst.Slice)
    editor = program.editor("targets shifted by one")
    for end in (part.lower, part.upper):
        if end is not None:
            editor.replace(file, end, _next(file.code(end)))
    yield editor


def _is_window(node: cst.Subscript) -> bool:
    part = node.slice[0].slice
    return len(node.slice) == 1 and isinstance(part, cst.Slice) and part.lower is not None and part.upper is not None


def _next(code: str) -> str:
    return str(int(code) + 1) if code.isdigit() else f"{code} + 1"
