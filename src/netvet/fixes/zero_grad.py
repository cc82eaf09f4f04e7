"""Gradients set to zero before each backward."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(title="gradients cleared after each step", mends=("missing-zero-grad", "wrong-call-order"))
def zero_grad(program: Program) -> Iterator[Editor]:
    """Call `zero_grad()` behind each step of the optimizer.

    ## What it changes
    One line behind `optimizer.step()`: there it is right with and without accumulation of gradients.

    ## References
    The documentation of `torch.optim.Optimizer.zero_grad`.
    """
    editor = program.editor("gradients cleared after each step")
    for step in program.steps:
        editor.insert(step.file, step.call, after=f"{program.stepped(step)}.zero_grad()\n")
    yield editor
