"""A schedule that is stepped after every batch."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.loops import alone, names, visible
from netvet.fixes.program import Program
from netvet.fixes.schedules import made, stepping
from netvet.fixes.source import Editor, NotApplicable, expression


@fix(title="the schedule stepped after every batch", mends=("misstepped-scheduler", "lr-decays-early", "lr-too-low"))
def step_per_batch(program: Program) -> Iterator[Editor]:
    """Move `scheduler.step()` into the loop over batches, right behind the step of the optimizer.

    ## What it changes
    The line of the step.

    ## Known problems
    A schedule that counts epochs (StepLR, ExponentialLR) ends many times too early after it.

    ## References
    The documentation of `torch.optim.lr_scheduler.OneCycleLR`: "step should be called after a batch has been used".
    """
    editor = program.editor("the schedule stepped after every batch")
    moved = False
    for _, record in made(program):
        if record.get("per") not in ("epoch", "other") or record.get("needs_metric"):
            continue
        site, steps = stepping(program, record), program.steps
        if len(steps) != 1:
            raise NotApplicable("which optimizer the schedule belongs to is not known")
        step = steps[0]
        alone(step.file, step.call)
        code = site.code(site.call)
        if site.call.args or not names(expression(code)) <= visible(step.file, step.call):
            raise NotApplicable(f"{code} cannot be called where the optimizer steps")
        editor.remove(site.file, site.call)
        editor.insert(step.file, step.call, after=code + "\n")
        moved = True
    if not moved:
        raise NotApplicable("no schedule is stepped once an epoch")
    yield editor
