"""The calls of a training step in their usual order."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.loops import alone, events, move, siblings
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the calls of a step in their usual order", mends=("wrong-call-order",))
def usual_order(program: Program) -> Iterator[Editor]:
    """Bring zero_grad, backward, clipping, step and the scheduler's step into their usual order.

    ## What it changes
    Lines are moved within their block: zero_grad that stands between backward and step goes before backward, clipping
    before backward or behind the step goes right before the step, a scheduler that steps first behind the optimizer.

    ## References
    The documentation of `torch.optim`, "Taking an optimization step" and "How to adjust learning rate".
    """
    editor = program.editor("the calls of a step in their usual order")
    moved = 0
    for backward in program.backwards:
        for step in program.steps:
            if step.file is backward.file:
                moved += _order(program, editor, backward, step)
    if not moved:
        raise NotApplicable("no call stands in the wrong place of the block of backward and step")
    yield editor


def _order(program: Program, editor: Editor, backward: Site, step: Site) -> int:
    body = siblings(backward.file, backward.call)

    def position(site: Site) -> int | None:
        """Of the statement of a call in the block of backward; None where it is in another."""
        if site.file is not backward.file:
            return None
        try:
            statement = alone(site.file, site.call)
        except NotApplicable:
            return None
        return next((i for i, one in enumerate(body) if one is statement), None)

    behind, stepped = position(backward), position(step)
    if behind is None or stepped is None or stepped < behind:
        return 0
    count = 0
    for kind in ("zero_grad", "clip", "scheduler_step"):
        for site in events(program, kind):
            at = position(site)
            if at is None:
                continue
            if kind == "zero_grad" and behind < at < stepped:
                move(editor, site.file, site.call, before=backward.call)
            elif kind == "clip" and not behind < at < stepped:
                move(editor, site.file, site.call, before=step.call)
            elif kind == "scheduler_step" and at < stepped:
                move(editor, site.file, site.call, after=step.call)
            else:
                continue
            count += 1
    return count
