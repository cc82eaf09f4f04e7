"""The last batch of an evaluation kept."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the last batch of the evaluation kept", mends=("partial-evaluation",), corrects_score=True)
def keep_last(program: Program) -> Iterator[Editor]:
    """Evaluate the last, short batch as well.

    ## What it changes
    `drop_last=False` of the loaders of evaluation.

    ## References
    The documentation of `torch.utils.data.DataLoader`.
    """
    short = [r for r in program.facts("loaders") if r.get("phase") == "eval" and r.get("drop_last")]
    if not short:
        raise NotApplicable("no loader of evaluation drops its last batch")
    editor = program.editor("the last batch of the evaluation kept")
    for record in short:
        set_argument(editor, program.loader(record), "drop_last", "False")
    yield editor
