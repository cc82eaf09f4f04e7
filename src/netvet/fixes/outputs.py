"""What a model puts out, as the program handles it: through names and shapes, to thresholds and scores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held, is_module
from netvet.fixes.loss_calls import LossCall, loss_calls
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Methods that keep every value as it is.
SHAPES = (
    "squeeze", "unsqueeze", "flatten", "view", "reshape", "transpose", "permute", "detach", "cpu", "float", "double",
    "contiguous", "numpy", "to", "clone", "ravel",
)  # fmt: skip
# What may stand between a model and a loss, and is no model.
ACTIVATIONS = (
    "clamp", "clip", "sigmoid", "softmax", "log_softmax", "log", "exp", "tanh", "relu", "softplus", "logsigmoid",
    "round",
)  # fmt: skip


def assigned(file: SourceFile, name: cst.Name) -> cst.BaseExpression | None:
    """What a name was last given before a line of its function; None where it is given something else as well."""
    scope = file.function(name)
    found = None
    for one in file.nodes(cst.Assign):
        if file.function(one) is not scope or file.line(one) > file.line(name) or _within(file, name, one):
            continue
        for target in one.targets:
            if isinstance(target.target, cst.Name) and target.target.value == name.value:
                found = one.value
    return found


def source(file: SourceFile, node: cst.BaseExpression, depth: int = 8) -> cst.BaseExpression:
    """The expression that made a value: behind names, and methods that only change the shape."""
    if depth == 0:
        return node
    if isinstance(node, cst.Name):
        made = assigned(file, node)
        return node if made is None else source(file, made, depth - 1)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) in SHAPES:
        given = node.args[0].value if is_module(node.func.value, file) and node.args else node.func.value
        return source(file, given, depth - 1)
    if isinstance(node, cst.Subscript):
        return source(file, node.value, depth - 1)
    return node


def model_names(program: Program) -> set[str]:
    """What models are called by where their outputs enter a loss, and where their optimizer is made."""
    found: set[str] = set()
    try:
        calls: list[LossCall] = loss_calls(program)
    except NotApplicable:
        calls = []
    for one in calls:
        try:
            made = source(one.site.file, one.input())
        except NotApplicable:
            continue
        while isinstance(made, cst.Call) and called(made).strip("_") in ACTIVATIONS:
            inner = source(one.site.file, operand(one.site.file, made))
            made = inner if inner is not made else cst.Name("unknown")
        if isinstance(made, cst.Call) and called(made):
            found.add(one.site.code(made.func))
    with contextlib.suppress(NotApplicable):
        found |= {name for name, _ in program.models}
    return found | {name.rpartition(".")[2] for name in found}


def is_output(file: SourceFile, node: cst.BaseExpression, models: set[str]) -> bool:
    """A value is what a model has put out, as it came, perhaps in another shape."""
    made = source(file, node)
    return isinstance(made, cst.Call) and file.code(made.func) in models


def loss_files(program: Program) -> list[SourceFile]:
    """Files in which losses are computed, scores are taken and optimizers step, each once."""
    found: list[SourceFile] = []
    kinds = (("losses", ""), ("metrics", ""), ("metrics", "op_"), ("optimizers", "step_"), ("run", "exception_"))
    for name, prefix in kinds:
        for one in program.facts(name):
            try:
                file, _ = program.file(one, prefix)
            except NotApplicable:
                continue
            if all(f is not file for f in found):
                found.append(file)
    return found


def thresholds(program: Program, value: float) -> Iterator[tuple[SourceFile, cst.BaseExpression]]:
    """The numbers of this value that outputs of a model are compared with."""
    models = model_names(program)
    for file in loss_files(program):
        for one in file.nodes(cst.Comparison):
            for edge in one.comparisons:
                for left, right in ((one.left, edge.comparator), (edge.comparator, one.left)):
                    if number(left) == value and is_output(file, right, models):
                        yield file, left


def roundings(program: Program) -> Iterator[Site]:
    """The calls that round outputs of a model: `out.round()`, `torch.round(out)`."""
    models = model_names(program)
    for file in loss_files(program):
        for one in file.nodes(cst.Call):
            if called(one) == "round" and is_output(file, operand(file, one), models):
                yield Site(file, one, {})


def operand(file: SourceFile, call: cst.Call) -> cst.BaseExpression:
    """`x` of `x.round()` and of `torch.round(x)`."""
    if isinstance(call.func, cst.Attribute) and not is_module(call.func.value, file):
        return call.func.value
    return call.args[0].value if call.args else call


def number(node: cst.BaseExpression) -> float | None:
    """Of a number as it is written."""
    if isinstance(node, (cst.Integer, cst.Float)):
        return float(node.value.replace("_", ""))
    return None


def judge_logits(program: Program, editor: Editor) -> bool:
    """Let the program compare outputs that are logits now with 0, where it compared probabilities with one half.

    Returns:
        Such a place was found: what else becomes of the outputs is not known where there is none.
    """
    compared, rounded = list(thresholds(program, 0.5)), list(roundings(program))
    for file, node in compared:
        editor.replace(file, node, "0")
    for site in rounded:
        editor.replace(site.file, operand(site.file, site.call), f"{held(operand(site.file, site.call))}.sigmoid()")
    return bool(compared or rounded)


def _within(file: SourceFile, node: cst.CSTNode, other: cst.CSTNode) -> bool:
    return any(above is other for above in file.around(node, cst.Assign))
