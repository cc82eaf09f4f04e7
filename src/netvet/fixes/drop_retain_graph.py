"""backward without retain_graph."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable


@fix(title="graphs freed by backward", mends=("retained-graph",))
def drop_retain_graph(program: Program) -> Iterator[Editor]:
    """Call `backward` without `retain_graph=True`.

    ## What it changes
    The argument is dropped.

    ## Known problems
    Where a state is carried from step to step with its graph, the second backward fails: detach the state as well.

    ## References
    The documentation of `torch.Tensor.backward`.
    """
    editor = program.editor("graphs freed by backward")
    given = [b for b in program.backwards if argument(b.call, "retain_graph", 1)]
    if not given:
        raise NotApplicable("no backward is given retain_graph")
    for site in given:
        drop_argument(editor, site, "retain_graph")
    yield editor
