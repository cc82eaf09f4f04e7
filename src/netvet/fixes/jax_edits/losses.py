"""What losses of a program of JAX are given: softmax and sigmoid before them, axes, shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from netvet.fixes.edits import held, set_argument, unwrap
from netvet.fixes.jax_edits.places import package
from netvet.fixes.outputs import number, source
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside

SOFTMAX, SIGMOID = ("softmax", "log_softmax"), ("sigmoid", "expit", "logistic")
# Losses of Optax that compare numbers.
DISTANCES = ("squared_error", "l2_loss", "huber_loss", "log_cosh", "cosine_distance", "sigmoid_binary_cross_entropy")


def remove_softmax(program: Program) -> Iterator[Editor]:
    """The call of softmax before the loss taken out."""
    yield _without(program, SOFTMAX)


def _without(program: Program, names: Sequence[str]) -> Editor:
    site = program.site(program.place, *names)
    editor = program.editor(f"without {site.code(site.call.func)}")
    unwrap(editor, site)
    return editor


def remove_sigmoid(program: Program) -> Iterator[Editor]:
    """The call of sigmoid before the loss taken out; outputs that were compared with 0.5 are compared with 0."""
    editor = _without(program, SIGMOID)
    for file, node in thresholds(program):
        editor.replace(file, node, "0")
    for file, node in _rounded(program):
        jax = package(editor, file, "jax")
        editor.replace(file, node, f"{jax}.nn.sigmoid({{}})")
    yield editor


def output_calls(program: Program) -> tuple[SourceFile, set[str]]:
    """How outputs of the net are made: what is called for what a loss is given, as it is written.

    Raises:
        NotApplicable: it is not known.
    """
    for record in program.facts("losses"):
        if record.get("phase") != "train" or not record.get("file"):
            continue
        file, line = program.file(record)
        given = _prediction(file, line)
        made = source(file, given) if given is not None else None
        if isinstance(made, cst.Call):
            code = file.code(made.func)
            return file, {code, code.rpartition(".")[2]} if "(" not in code else {code}
    raise NotApplicable("the call of the net is not known")


def _prediction(file: SourceFile, line: int) -> cst.BaseExpression | None:
    """What a loss on a line is given first: the argument of a loss of Optax, or the name in its arithmetic."""
    for call in file.calls(line):
        if "entropy" in called(call) or called(call) in DISTANCES:
            given = argument(call, "logits", 0) or argument(call, "predictions", 0)
            return given.value if given is not None else None
    for call in file.calls(line, "log"):
        if call.args and isinstance(call.args[0].value, cst.Name):
            return call.args[0].value
    return None


def thresholds(program: Program) -> Iterator[tuple[SourceFile, cst.BaseExpression]]:
    """The halves that outputs of the net are compared with."""
    try:
        file, calls = output_calls(program)
    except NotApplicable:
        return
    for one in file.nodes(cst.Comparison):
        for edge in one.comparisons:
            for left, right in ((one.left, edge.comparator), (edge.comparator, one.left)):
                if number(left) == 0.5 and _is_output(file, right, calls):
                    yield file, left


def _rounded(program: Program) -> Iterator[tuple[SourceFile, cst.BaseExpression]]:
    try:
        file, calls = output_calls(program)
    except NotApplicable:
        return
    for one in file.nodes(cst.Call):
        if called(one) == "round" and one.args and _is_output(file, one.args[0].value, calls):
            yield file, one.args[0].value


def _is_output(file: SourceFile, node: cst.BaseExpression, calls: set[str]) -> bool:
    made = source(file, node)
    return isinstance(made, cst.Call) and (file.code(made.func) in calls or called(made) in calls)


def class_axis(program: Program) -> Iterator[Editor]:
    """Softmax over the last axis, which is that of the classes in JAX."""
    site = program.site(program.place, *SOFTMAX)
    editor = program.editor(f"{site.code(site.call.func)} over the last axis")
    set_argument(editor, site, "axis", "-1", 1)
    yield editor


def same_shape(program: Program) -> Iterator[Editor]:
    """The axis of length 1 that lets predictions and targets broadcast squeezed away."""
    file, line = program.file(program.place)
    record = _record(program, file, line)
    shapes = [list((record.get(side) or {}).get("shape") or ()) for side in ("input", "target")]
    pair = _operands(file, line)
    if pair is None:
        raise NotApplicable("what has the wrong shape does not stand by itself on this line")
    editor = program.editor("one shape for predictions and targets")
    longer, shorter = (0, 1) if len(shapes[0]) > len(shapes[1]) else (1, 0)
    one = [i for i, n in enumerate(shapes[longer]) if n == 1 and _but(shapes[longer], i) == shapes[shorter]]
    if not one:
        raise NotApplicable("the shapes differ by more than an axis of length 1")
    axis = -1 if one[-1] == len(shapes[longer]) - 1 else one[-1]
    editor.replace(file, pair[longer], f"{held(pair[longer])}.squeeze({axis})")
    yield editor


def _but(shape: Sequence[int], axis: int) -> list[int]:
    return [n for i, n in enumerate(shape) if i != axis]


def _record(program: Program, file: SourceFile, line: int) -> Record:
    for one in program.facts("losses"):
        if one.get("broadcast") and one.get("line") == line and program.sources.file(str(one.get("file"))) is file:
            return one
    raise NotApplicable("the shapes that meet at this line are not known")


def _operands(file: SourceFile, line: int) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """Prediction and target: arguments of a loss of Optax, or the sides of a difference, of which the net makes one."""
    for call in file.calls(line):
        if called(call) in DISTANCES:
            first = argument(call, "predictions", 0) or argument(call, "logits", 0)
            second = argument(call, "targets", 1) or argument(call, "labels", 1)
            if first is not None and second is not None:
                return first.value, second.value
    minus = [b for b in file.at(line, cst.BinaryOperation) if isinstance(b.operator, cst.Subtract)]
    if len(minus) != 1:
        return None
    left, right = minus[0].left, minus[0].right
    made = [_calls_something(file, side) for side in (left, right)]
    return None if made[0] == made[1] else (left, right) if made[0] else (right, left)


def _calls_something(file: SourceFile, node: cst.BaseExpression) -> bool:
    """A value that is called for, here or where its name was given: the net's output, and not a target."""
    return any(True for _ in inside(source(file, node), cst.Call))


def without_call(editor: Editor, site: Site) -> None:
    """What a call is given first, in its place."""
    unwrap(editor, site)
