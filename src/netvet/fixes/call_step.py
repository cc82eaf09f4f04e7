"""The missing step of a schedule."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.loops import visible
from netvet.fixes.program import Program
from netvet.fixes.schedules import batch_loop, made, name
from netvet.fixes.source import Editor, NotApplicable

# They count batches (documentation of torch.optim.lr_scheduler); the others are stepped once an epoch.
PER_BATCH = ("OneCycleLR", "CyclicLR")


@fix(title="the schedule stepped", mends=("misstepped-scheduler",))
def call_step(program: Program) -> Iterator[Editor]:
    """Call `scheduler.step()` of a schedule that is never stepped.

    ## What it changes
    A line behind the loop over batches; for schedules that count batches, or whose length is that of the run in
    steps, behind the step of the optimizer.

    ## References
    The documentation of `torch.optim`, "How to adjust learning rate".
    """
    editor = program.editor("the schedule stepped")
    called = False
    for site, record in made(program):
        if record.get("per") != "never":
            continue
        scheduler = name(site)
        step = program.steps[0]
        if record.get("needs_metric"):
            raise NotApplicable(f"{scheduler}.step needs a metric")
        if scheduler.partition(".")[0] not in visible(step.file, step.call) or step.file is not site.file:
            raise NotApplicable(f"{scheduler} is not known where the optimizer steps")
        total, horizon = int(record.get("optimizer_steps") or 0), record.get("horizon")
        by_batch = record.get("cls") in PER_BATCH or (horizon and total and 0.5 <= float(horizon) / total <= 2)
        place = step.call if by_batch else batch_loop(program, step.file, step.call)
        editor.insert(step.file, place, after=f"{scheduler}.step()\n")
        called = True
    if not called:
        raise NotApplicable("every schedule is stepped")
    yield editor
