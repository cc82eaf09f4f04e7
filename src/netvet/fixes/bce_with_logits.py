"""Binary cross-entropy for yes or no, and for several labels at once."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import LossCall, beside, change_loss, loss_at
from netvet.fixes.outputs import is_output, loss_files, model_names, operand
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, called

# Options of cross-entropy that binary cross-entropy has not.
ONLY_THERE = ("weight", "ignore_index", "label_smoothing")


@fix(title="binary cross-entropy", mends=("mismatched-loss",), changes_loss=True)
def bce_with_logits(program: Program) -> Iterator[Editor]:
    """Use binary cross-entropy with logits where a softmax over one output, or over several right labels, stands.

    ## What it changes
    `CrossEntropyLoss` becomes `BCEWithLogitsLoss`, in training and evaluation. Of a single output its axis is squeezed,
    and the target is a float; an arg-max over that output becomes a comparison with 0.

    ## Known problems
    Scores of several labels need a threshold of their own.

    ## References
    Goodfellow, Bengio, Courville, Deep Learning (2016), 6.2.2.2: sigmoid units for Bernoulli output distributions.
    """
    call = loss_at(program, "cross_entropy")
    calls = beside(program, call)
    target = call.record.get("target") or {}
    if target.get("distinct") != 2 or target.get("min") != 0 or target.get("max") != 1:
        raise NotApplicable("the targets are not 0 and 1")
    single = call.record.get("classes") == 1
    many = list(target.get("shape") or ()) == list((call.record.get("input") or {}).get("shape") or ())
    if not single and not many:
        raise NotApplicable("the targets are class numbers of several outputs, for which cross-entropy is made")
    if any(call.record.get(name) not in (None, 0, 0.0, -100) for name in ONLY_THERE):
        raise NotApplicable("the loss has options that binary cross-entropy has not")
    editor = program.editor("binary cross-entropy of logits")
    change_loss(editor, calls, "binary_cross_entropy_with_logits")
    for one in calls:
        _fit(editor, one, single)
    if single:
        _judge(program, editor)
    yield editor


def _fit(editor: Editor, call: LossCall, single: bool) -> None:
    file, given, wanted = call.site.file, call.input(), call.target()
    target = call.record.get("target") or {}
    if single and len(target.get("shape") or ()) + 1 == len((call.record.get("input") or {}).get("shape") or ()):
        editor.replace(file, given, f"{held(given)}.squeeze(1)")
    if not str(target.get("dtype")).startswith("float"):
        editor.replace(file, wanted, f"{held(wanted)}.float()")


def _judge(program: Program, editor: Editor) -> None:
    """An arg-max over one output is always 0: its sign is what tells yes from no."""
    models = model_names(program)
    for file in loss_files(program):
        for one in file.nodes(cst.Call):
            if called(one) != "argmax" or not is_output(file, operand(file, one), models):
                continue
            node = operand(file, one)
            code = f"({held(node).format(file.code(node))}.squeeze(1) > 0).long()"
            _put(editor, file, one, code)


def _put(editor: Editor, file, node: cst.BaseExpression, code: str) -> None:  # type: ignore[no-untyped-def]
    editor.change(file, node, lambda _: cst.parse_expression(code))
