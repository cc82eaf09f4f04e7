"""A longer run."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import within
from netvet.fixes.program import Program
from netvet.fixes.rates import schedules
from netvet.fixes.schedules import Made, made, range_stop
from netvet.fixes.source import Editor, NotApplicable, SourceFile
from netvet.fixes.trainers import Held, held

# A schedule that is made of these lasts as long as the trainer trains.
FOLLOWS = ("max_epochs", "estimated_stepping_batches", "max_steps")

TIMES = 3


@fix(title="three times as long a run", mends=("stopped-early", "underfitting", "noisy-first-layer"), cost="time")
def train_longer(program: Program) -> Iterator[Editor]:
    """Train three times as long, with the schedule stretched to the new length.

    ## What it changes
    The number that the outermost loop of training counts to, or the epochs that a trainer is given, and the same number
    where a schedule is made.

    ## Known problems
    A trial of it costs three times the time of its twin.

    ## References
    Hoffer, Hubara and Soudry, "Train longer, generalize better" (2017).
    """
    try:
        file, loop = program.training_loop()
    except NotApplicable:
        yield _by_trainer(program)
        return
    stop = range_stop(loop)
    if stop is None:
        raise NotApplicable("the loop of training does not count to a number")
    editor = program.editor(f"{TIMES} times as long a run")
    ends: cst.BaseExpression = stop
    if isinstance(stop, cst.BinaryOperation) and isinstance(stop.operator, cst.Add) and file.code(stop.right) == "1":
        ends = stop.left
    _times(editor, file, ends)
    _stretch(editor, made(program, needed=False), file.code(ends))
    yield editor


def _by_trainer(program: Program) -> Editor:
    """The same where the loop is that of a trainer."""
    editor = program.editor(f"{TIMES} times as long a run")
    given: list[Held] = held(program, "epochs")
    for one in given:
        one.times(editor, TIMES)
    written = [one.site.code(one.value) for one in given if one.value is not None]
    # A schedule that the trainer makes lasts as long as it trains.
    _stretch(editor, [(site, site.record) for site in schedules(program)], written[0] if written else "")
    return editor


def _stretch(editor: Editor, found: list[Made], count: str) -> None:
    for site, record in found:
        inside = [n for a in site.call.args for n in [a.value, *within(a.value)] if isinstance(n, cst.BaseExpression)]
        lasting = [n for n in inside if site.code(n) == count]
        follows = any(name in site.code(n) for n in inside for name in FOLLOWS)
        if not lasting and not follows and record.get("horizon"):
            raise NotApplicable("how long the schedule lasts is not written where it is made")
        for one in lasting[:1]:
            _times(editor, site.file, one)


def _times(editor: Editor, file: SourceFile, node: cst.BaseExpression) -> None:
    code = file.code(node)
    plain = isinstance(node, (cst.Name, cst.Attribute, cst.Subscript, cst.Call))
    new = str(TIMES * int(code)) if code.isdigit() else f"{TIMES} * {code if plain else f'({code})'}"
    editor.replace(file, node, new)
