"""An optimizer that goes downhill."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the optimizer minimises", mends=("negated-loss",))
def remove_maximize(program: Program) -> Iterator[Editor]:
    """Make the optimizer without `maximize=True`.

    ## What it changes
    The argument is dropped.

    ## References
    The documentation of `torch.optim.Optimizer`: `maximize` is for objectives that are to grow.
    """
    editor = program.editor("the optimizer minimises")
    given = [site for site in program.optimizers if argument(site.call, "maximize")]
    if not given:
        raise NotApplicable("no optimizer is given maximize")
    for site in given:
        drop_argument(editor, site, "maximize")
    yield editor
