"""No class is ignored by the loss."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import drop_argument
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import beside, holders, loss_at
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable


@fix(title="no class ignored", mends=("wrong-class-weights",), changes_loss=True)
def other_ignore_index(program: Program) -> Iterator[Editor]:
    """Ignore no class: `ignore_index` falls back to -100, which is none.

    ## What it changes
    The argument `ignore_index` goes, where the loss is made or called.

    ## References
    The documentation of `torch.nn.CrossEntropyLoss`, ignore_index.
    """
    call = loss_at(program, "cross_entropy", "nll_loss")
    if not call.record.get("ignored_share"):
        raise NotApplicable("the loss ignores nothing")
    editor = program.editor("no class ignored")
    found = [s for s in holders(beside(program, call)) if argument(s.call, "ignore_index") is not None]
    if not found:
        raise NotApplicable("ignore_index is not given by name where the loss is made")
    for site in found:
        drop_argument(editor, site, "ignore_index")
    yield editor
