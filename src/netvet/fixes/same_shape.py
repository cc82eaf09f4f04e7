"""One shape for predictions and targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import pick
from netvet.fixes.outputs import is_output, model_names
from netvet.fixes.program import Program, Record, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

Pair = tuple[cst.BaseExpression, cst.BaseExpression]


@fix(title="one shape for predictions and targets", mends=("broadcast-loss", "misread-metric"), changes_loss=True)
def same_shape(program: Program) -> Iterator[Editor]:
    """Squeeze the axis of length 1 that lets predictions and targets broadcast against each other.

    ## What it changes
    What the loss, a difference or a comparison is given: `criterion(out.squeeze(-1), y)`. Where it cannot be told which
    side has the axis, both are flattened, which is the same for samples of one number.

    ## References
    The broadcasting semantics of PyTorch; the warning of `torch.nn.functional.mse_loss`.
    """
    file, line = program.file(program.place)
    record, shapes = _record(program, file, line)
    left, right = _operands(program, file, line, record)
    editor = program.editor("one shape for predictions and targets")
    axis = _extra(*shapes)
    longer, swapped = shapes[0] if len(shapes[0]) > len(shapes[1]) else shapes[1], len(shapes[1]) > len(shapes[0])
    if axis is not None and _ordered(program, file, (left, right), record):
        node = right if swapped else left
        editor.replace(file, node, f"{held(node)}.squeeze({-1 if axis == len(longer) - 1 else axis})")
    else:
        for node in (left, right):
            editor.replace(file, node, f"{held(node)}.flatten()")
    yield editor


def _record(program: Program, file: SourceFile, line: int) -> tuple[Record, tuple[list[int], list[int]]]:
    """What the run has seen at a place, and the shapes of both sides.

    Raises:
        NotApplicable: nothing.
    """
    for name, first, second in (
        ("broadcasts", "left", "right"), ("losses", "input", "target"), ("metrics", "prediction_shape", "target_shape"),
    ):  # fmt: skip
        for one in program.facts(name):
            shapes = (_shape(one.get(first)), _shape(one.get(second)))
            here = one.get("line") == line and program.sources.file(str(one.get("file"))) is file
            if here and sum(map(bool, shapes)) == 2 and len(shapes[0]) != len(shapes[1]):
                return {**one, "kind": name}, shapes
    raise NotApplicable("the shapes that meet at this line are not known")


def _shape(value: object) -> list[int]:
    found = value.get("shape") if isinstance(value, dict) else value
    return [int(size) for size in found] if isinstance(found, (list, tuple)) else []


def _extra(left: Sequence[int], right: Sequence[int]) -> int | None:
    """The only axis that the longer shape has in addition; None where there are several."""
    longer, shorter = (left, right) if len(left) > len(right) else (right, left)
    places = [i for i in range(len(longer)) if longer[i] == 1 and [*longer[:i], *longer[i + 1 :]] == list(shorter)]
    return places[-1] if places else None


def _operands(program: Program, file: SourceFile, line: int, record: Record) -> Pair:
    """The two that meet: arguments of the loss, or sides of a difference or a comparison.

    Raises:
        NotApplicable: they do not stand on the line by themselves.
    """
    if record["kind"] == "losses":
        call = pick(file, line, str(record.get("function")), _made(program, record))
        if call is not None:
            given = argument(call, "input", 0), argument(call, "target", 1)
            if given[0] is not None and given[1] is not None:
                return given[0].value, given[1].value
    if record["kind"] == "metrics":
        equal = [c for c in file.at(line, cst.Comparison) if len(c.comparisons) == 1]
        equal = [c for c in equal if isinstance(c.comparisons[0].operator, cst.Equal)]
        if len(equal) == 1:
            return equal[0].left, equal[0].comparisons[0].comparator
        eq = file.calls(line, "eq")
        if len(eq) == 1 and isinstance(eq[0].func, cst.Attribute) and len(eq[0].args) == 1:
            return eq[0].func.value, eq[0].args[0].value
    else:
        minus = [b for b in file.at(line, cst.BinaryOperation) if isinstance(b.operator, cst.Subtract)]
        if len(minus) == 1:
            return minus[0].left, minus[0].right
    raise NotApplicable("what has the wrong shape does not stand by itself on this line")


def _made(program: Program, record: Record):  # type: ignore[no-untyped-def]
    try:
        return program.site(record, prefix="created_")
    except NotApplicable:
        return None


def _ordered(program: Program, file: SourceFile, pair: Pair, record: Record) -> bool:
    """The shapes are those of the two in this order: by their places in a call, or as only the first is an output."""
    in_call = isinstance(file.parent(pair[0]), cst.Arg) and isinstance(file.parent(pair[1]), cst.Arg)
    if record["kind"] == "losses" and in_call:
        return True
    models = model_names(program)
    first, second = (is_output(file, _inner(node), models) for node in pair)
    return first and not second


def _inner(node: cst.BaseExpression) -> cst.BaseExpression:
    """`model(x)` of `(model(x) > 0).float()`."""
    while True:
        if isinstance(node, cst.Comparison):
            node = node.left
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and called(node) in ("float", "long"):
            node = node.func.value
        else:
            return node
