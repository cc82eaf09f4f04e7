"""Logarithms of softmax and sigmoid that cannot underflow."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held, is_module
from netvet.fixes.fix import fix
from netvet.fixes.outputs import assigned, number, operand
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

LOGS = ("log", "log1p")
SIGMOIDS = ("sigmoid", "Sigmoid", "expit")


@fix(title="fused logarithms", mends=("unsafe-loss-arithmetic", "loss-not-finite"))
def fused_loss(program: Program) -> Iterator[Editor]:
    """Take the logarithm of a softmax or a sigmoid by the function that is made for it, which cannot be log(0).

    ## What it changes
    `torch.log(torch.softmax(x, 1))` becomes `torch.log_softmax(x, 1)`; of a sigmoid p of x, `log(p)` becomes
    `logsigmoid(x)` and `log(1 - p)` becomes `logsigmoid(-x)`; also where p has a name.

    ## References
    The documentation of `torch.nn.functional.logsigmoid` and `torch.nn.BCEWithLogitsLoss` (log-sum-exp trick).
    """
    file, line = program.file(program.place)
    scope = next((file.function(c) for c in file.calls(line)), None)
    editor = program.editor("fused logarithms")
    found = 0
    for call in file.nodes(cst.Call):
        if called(call) in LOGS and file.function(call) is scope and _fused(editor, file, call):
            found += 1
    if not found:
        raise NotApplicable("no logarithm of a softmax or a sigmoid stands there")
    editor.require(file, "torch", "import torch")
    yield editor


def _fused(editor: Editor, file: SourceFile, call: cst.Call) -> bool:
    """Whether a logarithm was of a softmax or a sigmoid, and has been changed."""
    given = operand(file, call)
    sign = 1
    if called(call) == "log1p":  # log1p(-p)
        if not (isinstance(given, cst.UnaryOperation) and isinstance(given.operator, cst.Minus)):
            return False
        given, sign = given.expression, -1
    elif isinstance(given, cst.BinaryOperation) and isinstance(given.operator, cst.Subtract):
        if number(given.left) != 1:
            return False
        given, sign = given.right, -1
    made = _made(file, given)
    if made is None:
        return False
    inner = file.code(operand(file, made))
    if called(made) in SIGMOIDS:
        shown = inner if sign > 0 else "-" + held(operand(file, made)).replace("{}", inner)
        _put(editor, file, call, f"torch.nn.functional.logsigmoid({shown})")
        return True
    if called(made) == "softmax" and sign > 0:
        site = Site(file, made, {})
        function = made.func
        assert isinstance(function, (cst.Attribute, cst.Name))
        head = "torch" if isinstance(function, cst.Name) else site.code(function.value)
        options = ", ".join(file.code(a.with_changes(comma=cst.MaybeSentinel.DEFAULT)) for a in made.args)
        _put(editor, file, call, f"{head}.log_softmax({options})")
        return True
    return False


def _put(editor: Editor, file: SourceFile, call: cst.Call, code: str) -> None:
    editor.change(file, call, lambda _: cst.parse_expression(code))


def _made(file: SourceFile, node: cst.BaseExpression) -> cst.Call | None:
    """The call of softmax or sigmoid that a value is, also through one name."""
    made = assigned(file, node) if isinstance(node, cst.Name) else node
    if not isinstance(made, cst.Call) or called(made) not in (*SIGMOIDS, "softmax"):
        return None
    function = made.func
    plain = isinstance(function, cst.Name) or (isinstance(function, cst.Attribute) and is_module(function.value, file))
    return made if plain or isinstance(function, cst.Attribute) else None
