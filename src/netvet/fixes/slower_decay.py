"""A schedule that lasts as long as the run."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.schedules import length, made
from netvet.fixes.source import Editor, NotApplicable

# The argument that says how long a schedule lasts, and its position.
LASTS = {
    "CosineAnnealingLR": ("T_max", 1), "OneCycleLR": ("total_steps", 2), "PolynomialLR": ("total_iters", 1),
    "LinearLR": ("total_iters", 3),
}  # fmt: skip
LAST = 0.01  # of the first rate at the end of an exponential decay: what a cosine reaches near its end


@fix(title="a decay that lasts as long as the run", mends=("lr-decays-early", "misstepped-scheduler", "stopped-early"))
def slower_decay(program: Program) -> Iterator[Editor]:
    """Stretch the schedule so that it ends with the run.

    ## What it changes
    T_max, total_steps and total_iters become the number of steps that the schedule takes in the run; a step decay
    falls at thirds of it, and an exponential one reaches a hundredth of the rate at its end.

    ## References
    Loshchilov and Hutter, "SGDR" (2017); Li, Yumer and Ramanan, "Budgeted training" (2020): the schedule should end
    with the training.
    """
    editor = program.editor("a decay that lasts as long as the run")
    for site, record in made(program):
        _stretch(program, editor, site, record)
    yield editor


def _stretch(program: Program, editor: Editor, site: Site, record: Record) -> None:
    kind, total = str(record.get("cls")), length(program, site, record)
    if kind in LASTS:
        name, position = LASTS[kind]
        set_argument(editor, site, name, total, position)
    elif kind == "StepLR":
        set_argument(editor, site, "step_size", _share(total, 1, 3), 1)
    elif kind == "MultiStepLR":
        set_argument(editor, site, "milestones", f"[{_share(total, 1, 2)}, {_share(total, 3, 4)}]", 1)
    elif kind == "ExponentialLR":
        exact = total.isdigit()
        gamma = f"{LAST ** (1 / int(total)):.6g}" if exact else f"{LAST} ** (1 / {total})"
        set_argument(editor, site, "gamma", gamma, 1)
    else:
        raise NotApplicable(f"how long {kind} lasts is not an argument")


def _share(total: str, part: int, of: int) -> str:
    if total.isdigit():
        return str(max(1, part * int(total) // of))
    whole = f"{part} * {total}" if part > 1 else total
    return f"max(1, {whole} // {of})"
