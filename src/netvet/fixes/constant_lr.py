"""A learning rate that stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.rates import schedules
from netvet.fixes.schedules import made
from netvet.fixes.source import Editor, NotApplicable, expression
from netvet.fixes.trainers import held

# They take the highest rate themselves; that of the optimizer means nothing (documentation of both).
OWN_RATE = ("OneCycleLR", "CyclicLR")
CONSTANT = ("ConstantLR",)


@fix(title="a constant learning rate", mends=("lr-decays-early", "misstepped-scheduler", "lr-too-low"))
def constant_lr(program: Program) -> Iterator[Editor]:
    """Put a schedule that keeps the rate in the place of each schedule.

    ## What it changes
    The call that makes the schedule: everything that steps or asks it still works. A one-cycle schedule, which sets
    the rate of the optimizer, is left as it is.

    ## Known problems
    At a constant rate the loss is noisier at the end: a decay at the right time is better than none.

    ## References
    The documentation of `torch.optim.lr_scheduler.ConstantLR`.
    """
    editor = program.editor("a constant learning rate")
    if program.facts("schedulers") and not schedules(program):  # a trainer makes them
        for one in held(program, "schedule"):
            one.set(editor, '"constant"')
        yield editor
        return
    for site, record in made(program):
        kind = str(record.get("cls"))
        if kind in OWN_RATE or kind in CONSTANT:
            raise NotApplicable(f"the rate that holds without {kind} is not known")
        if record.get("needs_metric"):
            set_argument(editor, site, "patience", "10**9", 3)
            continue
        _replace(editor, site)
    yield editor


def _replace(editor: Editor, site: Site) -> None:
    optimizer = argument(site.call, "optimizer", 0)
    if optimizer is None:
        raise NotApplicable("the optimizer of the schedule is not given where it is made")
    code = f"torch.optim.lr_scheduler.ConstantLR({site.code(optimizer.value)}, factor=1.0)"

    def change(_: cst.CSTNode) -> cst.CSTNode:
        return expression(code)

    editor.change(site.file, site.call, change)
    editor.require(site.file, "torch", "import torch")
