"""No sigmoid before a loss that makes its own."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.layers import without_layer
from netvet.fixes.loss_calls import beside, change_loss, loss_at
from netvet.fixes.outputs import judge_logits
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable

NAMES = ("sigmoid", "Sigmoid", "sigmoid_", "expit")
FUNCTION = "binary_cross_entropy_with_logits"


@fix(title="no sigmoid before the loss", mends=("double-sigmoid", "collapsed-prediction"), changes_loss=True)
def remove_sigmoid(program: Program) -> Iterator[Editor]:
    """Take the sigmoid away whose output enters a loss that applies sigmoid itself, or use the loss that does not.

    ## What it changes
    Either the call or the layer of sigmoid goes, and where the program compares outputs of the model with 0.5, or
    rounds them, it compares logits with 0. Or the sigmoid stays, and `BCELoss` takes the place of `BCEWithLogitsLoss`:
    that comes first where it is not seen what becomes of the outputs.

    ## Known problems
    Code that shows probabilities, or hands them to another program, must call sigmoid itself after the first variant.

    ## References
    The documentation of `torch.nn.BCEWithLogitsLoss`: more numerically stable than a sigmoid followed by a BCELoss.
    """
    try:
        bare: Editor | None = without_layer(program, NAMES)
        judged = bare is not None and judge_logits(program, bare)
        why = ""
    except NotApplicable as error:
        bare, judged, why = None, False, str(error)
    try:
        kept: Editor | None = _with_probabilities(program)
    except NotApplicable as error:
        kept, why = None, why or str(error)
    if bare is None and kept is None:
        raise NotApplicable(why)
    # Where nobody is seen to judge the outputs, somebody may: probabilities stay what they are.
    for editor in (bare, kept) if judged else (kept, bare):
        if editor is not None:
            yield editor


def _with_probabilities(program: Program) -> Editor:
    call = loss_at(program, FUNCTION)
    if call.record.get("in_unit_interval") is not True or call.record.get("pos_weight"):
        raise NotApplicable("the loss takes options that only exist for logits")
    editor = program.editor("a loss of probabilities")
    change_loss(editor, beside(program, call), "binary_cross_entropy")
    return editor
