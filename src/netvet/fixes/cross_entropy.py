"""Cross-entropy for one of several classes."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import drop_argument, held
from netvet.fixes.fix import fix
from netvet.fixes.last_layers import last_layer, with_outputs
from netvet.fixes.layers import take_out
from netvet.fixes.loss_calls import LossCall, beside, change_loss, holders, loss_at
from netvet.fixes.outputs import is_output, loss_files, model_names, operand
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

DISTANCES = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
# Arguments of distances that cross-entropy has not.
ONLY_THERE = ("beta", "delta")
# What follows a rounding of a class number to make it one of the classes.
TIDYING = ("clamp", "clip", "long", "int", "round", "to")


@fix(title="cross-entropy for classes", mends=("mismatched-loss",), changes_loss=True)
def cross_entropy(program: Program) -> Iterator[Editor]:
    """Use cross-entropy where a distance takes class numbers for amounts, or compares a softmax with one-hot targets.

    ## What it changes
    `CrossEntropyLoss` takes the place of the distance, in training and evaluation. Of class numbers: the last layer has
    one output for each class, the target is whole, and a prediction that was rounded is an arg-max. Of one-hot targets:
    the softmax before the loss goes.

    ## Known problems
    Classes with an order (ratings) lose it.

    ## References
    Goodfellow, Bengio, Courville, Deep Learning (2016), 6.2.2.3: softmax units for multinoulli output distributions.
    """
    call = loss_at(program, *DISTANCES)
    calls = beside(program, call)
    editor = program.editor("cross-entropy for classes")
    change_loss(editor, calls, "cross_entropy")
    for site in holders(calls):
        if any(argument(site.call, name) for name in ONLY_THERE):
            drop_argument(editor, site, *ONLY_THERE)
    if call.record.get("input_op") == "softmax":
        kind = "input_created_" if call.record.get("input_created_file") else "input_"
        take_out(editor, program.site(call.record, "softmax", "Softmax", prefix=kind))
    else:
        _of_numbers(program, editor, calls)
    yield editor


def _of_numbers(program: Program, editor: Editor, calls: list[LossCall]) -> None:
    target = calls[0].record.get("target") or {}
    outputs = calls[0].record.get("input") or {}
    high, low = target.get("max"), target.get("min")
    if not target.get("integral") or high is None or low is None or low < 0:
        raise NotApplicable("the targets are no class numbers")
    layer = last_layer(program)
    if layer.outputs != 1 or [s for s in outputs.get("shape") or () if s != 1] != (outputs.get("shape") or [])[:1]:
        raise NotApplicable("the model has more than one output already")
    highest = max(float(high), *(float((c.record.get("target") or {}).get("max") or 0) for c in calls))
    with_outputs(editor, layer, int(highest) + 1)
    for call in calls:
        node = call.target()
        whole = isinstance(node, cst.Call) and called(node) in ("float", "double", "to")
        code = call.site.file.code(node.func.value) if whole and isinstance(node.func, cst.Attribute) else None  # type: ignore[attr-defined]
        inner = code or held(node).replace("{}", call.site.file.code(node))
        _put(editor, call.site.file, node, f"{inner}.long()")
        if (target.get("shape") or [0])[1:] == [1]:
            raise NotApplicable("the targets have an axis of their own")
    _unsqueezed(program, editor)
    _arg_max(program, editor)


def _arg_max(program: Program, editor: Editor) -> None:
    """`outputs.argmax(1)` for `outputs.round().clamp(0, 9).long()`."""
    models = model_names(program)
    for file in loss_files(program):
        for one in file.nodes(cst.Call):
            if called(one) != "round" or not is_output(file, operand(file, one), models):
                continue
            node = operand(file, one)
            code = f"{file.code(node)}.argmax(1)"
            if isinstance(node, cst.Call) and called(node) in ("squeeze", "flatten"):
                code = f"{file.code(operand(file, node))}.argmax(1)"
            _put(editor, file, _tidied(file, one), code)


def _tidied(file: SourceFile, call: cst.Call) -> cst.Call:
    """The whole chain of methods that make a class number of a rounded output."""
    while True:
        above = file.parent(call)
        outer = file.parent(above) if isinstance(above, cst.Attribute) else None
        if not isinstance(outer, cst.Call) or called(outer) not in TIDYING:
            return call
        call = outer


def _unsqueezed(program: Program, editor: Editor) -> None:
    """A squeeze of the only output is harmless where it names its axis; without, it also drops a batch of one."""
    models = model_names(program)
    for file in loss_files(program):
        for one in file.nodes(cst.Call):
            if called(one) in ("flatten", "view", "reshape", "ravel") and is_output(file, operand(file, one), models):
                raise NotApplicable("the only output is flattened, where several would mix with the samples")


def _put(editor: Editor, file: SourceFile, node: cst.BaseExpression, code: str) -> None:
    editor.change(file, node, lambda _: cst.parse_expression(code))
