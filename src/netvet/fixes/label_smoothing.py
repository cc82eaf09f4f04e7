"""Labels that are not quite sure."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import holders, loss_calls
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.trainers import held

# Szegedy et al. (2016), section 7.
AMOUNT = 0.1


@fix(title="label smoothing", mends=("overfitting", "growing-weights"), changes_loss=True)
def label_smoothing(program: Program) -> Iterator[Editor]:
    """Smooth the labels by 0.1, so that the net is not rewarded for being ever more certain.

    ## What it changes
    `label_smoothing=0.1` of cross-entropy, in training; a loss module that evaluation uses as well has it there, too.

    ## Known problems
    The loss can no longer reach 0, and probabilities are less sharp on purpose.

    ## References
    Szegedy et al., "Rethinking the Inception architecture" (2016), section 7.
    """
    try:
        calls = loss_calls(program, "cross_entropy", training=True)
    except NotApplicable as error:
        yield _by_trainer(program, error)
        return
    if any(c.record.get("label_smoothing") for c in calls):
        raise NotApplicable("the labels are smoothed already")
    editor = program.editor(f"labels smoothed by {AMOUNT:g}")
    for site in holders(calls):
        set_argument(editor, site, "label_smoothing", f"{AMOUNT:g}")
    yield editor


def _by_trainer(program: Program, reason: NotApplicable) -> Editor:
    """The same where a trainer smooths them.

    Raises:
        NotApplicable: none does.
    """
    editor = program.editor(f"labels smoothed by {AMOUNT:g}")
    try:
        for one in held(program, "label_smoothing"):
            one.set(editor, f"{AMOUNT:g}")
    except NotApplicable:
        raise reason from None
    return editor
