"""A schedule that is stepped once an epoch."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Site, packages
from netvet.fixes.schedules import batch_loop, behind_loop, made, stepping
from netvet.fixes.source import Editor, NotApplicable, inside


@fix(title="the schedule stepped once an epoch", mends=("misstepped-scheduler", "lr-decays-early"))
def step_per_epoch(program: Program) -> Iterator[Editor]:
    """Move `scheduler.step()` out of the loop over batches, behind it.

    ## What it changes
    The line of the step; conditions around it that do not depend on the batch stay around it. Where Lightning steps the
    schedule, the `interval` that it is given.

    ## Known problems
    OneCycleLR and others that count batches are to be stepped after every batch: they are left as they are.

    ## References
    The documentation of `torch.optim`, "How to adjust learning rate".
    """
    editor = program.editor("the schedule stepped once an epoch")
    moved = False
    for site, record in made(program):
        if record.get("per") != "batch" or record.get("cls") in ("OneCycleLR", "CyclicLR"):
            continue
        interval = _interval(site)
        if interval is not None:
            editor.replace(site.file, interval, '"epoch"')
            moved = True
            continue
        step = stepping(program, record)
        behind_loop(editor, step.file, step.call, batch_loop(program, step.file, step.call))
        moved = True
    if not moved:
        raise NotApplicable("no schedule is stepped after every batch")
    yield editor


def _interval(site: Site) -> cst.BaseExpression | None:
    """Where the function that makes a schedule for Lightning says that it is stepped after every batch."""
    function = site.file.function(site.call)
    if function is None or "lightning" not in packages(site.file):
        return None
    for one in inside(function, cst.DictElement):
        key, value = (site.code(part).strip("'\"") for part in (one.key, one.value))
        if (key, value) == ("interval", "step"):
            return one.value
    return None
