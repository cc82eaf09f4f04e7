"""A schedule that is stepped once an epoch."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.schedules import batch_loop, behind_loop, made, stepping
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the schedule stepped once an epoch", mends=("misstepped-scheduler", "lr-decays-early"))
def step_per_epoch(program: Program) -> Iterator[Editor]:
    """Move `scheduler.step()` out of the loop over batches, behind it.

    ## What it changes
    The line of the step; conditions around it that do not depend on the batch stay around it.

    ## Known problems
    OneCycleLR and others that count batches are to be stepped after every batch: they are left as they are.

    ## References
    The documentation of `torch.optim`, "How to adjust learning rate".
    """
    editor = program.editor("the schedule stepped once an epoch")
    moved = False
    for _, record in made(program):
        if record.get("per") != "batch" or record.get("cls") in ("OneCycleLR", "CyclicLR"):
            continue
        step = stepping(program, record)
        behind_loop(editor, step.file, step.call, batch_loop(program, step.file, step.call))
        moved = True
    if not moved:
        raise NotApplicable("no schedule is stepped after every batch")
    yield editor
