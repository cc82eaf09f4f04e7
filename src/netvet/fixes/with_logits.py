"""A binary cross-entropy of logits, where logits enter one of probabilities."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import unwrap
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import MODULES, LossCall, change_loss, loss_calls, pick
from netvet.fixes.outputs import judge_logits, source
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

FUNCTION = "binary_cross_entropy"
CLAMPS = ("clamp", "clip", "clamp_", "clip_")
BOUNDED = ("sigmoid", "softmax", "exp")


@fix(title="a binary cross-entropy of logits", mends=("logits-as-probabilities",), changes_loss=True)
def with_logits(program: Program) -> Iterator[Editor]:
    """Use binary cross-entropy with logits where raw outputs enter one that takes probabilities.

    ## What it changes
    `BCELoss` becomes `BCEWithLogitsLoss`, and the function likewise, in training and evaluation; a clamp that kept raw
    outputs within 0 and 1 goes. Where the program compares outputs of the model with 0.5 it compares them with 0.

    ## Known problems
    Calls whose input a sigmoid has made stay as they are.

    ## References
    The documentation of `torch.nn.BCEWithLogitsLoss`.
    """
    calls = _calls(program)
    editor = program.editor("a binary cross-entropy of logits")
    change_loss(editor, calls, "binary_cross_entropy_with_logits")
    clamps: list[cst.CSTNode] = []
    for one in calls:
        file = one.site.file
        made = source(file, one.input())
        if isinstance(made, cst.Call) and called(made) in CLAMPS and all(made is not c for c in clamps):
            clamps.append(made)
            unwrap(editor, Site(file, made, {}))
    judge_logits(program, editor)
    yield editor


def _calls(program: Program) -> list[LossCall]:
    """Those of the run; where it ended at the first, all that the files of that one hold."""
    try:
        return loss_calls(program, FUNCTION)
    except NotApplicable:
        file, line = program.file(program.place)
    made = [Site(file, c, {}) for c in file.nodes(cst.Call) if called(c) == MODULES[FUNCTION]]
    plain = [c for c in file.nodes(cst.Call) if called(c) == FUNCTION and not _bounded(file, c)]
    module = made[0] if len(made) == 1 and not any(line in _lines(file, c) for c in plain) else None
    found = pick(file, line, FUNCTION, module)
    if found is None or (module is None and called(found) != FUNCTION):
        raise NotApplicable("where the loss was made is not known")
    if module is not None:
        return [LossCall(Site(file, found, {"phase": "train"}), module, FUNCTION)]
    return [LossCall(Site(file, c, {"phase": "train"}), None, FUNCTION) for c in plain]


def _bounded(file: SourceFile, call: cst.Call) -> bool:
    made = source(file, call.args[0].value) if call.args else call
    return isinstance(made, cst.Call) and called(made) in BOUNDED


def _lines(file: SourceFile, call: cst.Call) -> range:
    return range(file.line(call), file.line(call) + file.code(call).count("\n") + 1)
