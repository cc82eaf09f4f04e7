"""Samples of training that are samples of evaluation, in programs that choose them by indices."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.arrays import Tracer
from netvet.fixes.jax_edits.places import is_rows, package, training, uses_of_model, values
from netvet.fixes.program import Program
from netvet.fixes.samples import calls_of, targets, unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile

DRAWS = ("permutation", "choice", "sample", "randint", "integers")


def drop_shared(program: Program) -> Iterator[Editor]:
    """The indices of evaluation taken out of those of training, behind the lines that draw both."""
    file, train, val = _drawn(program)
    (a,), (b,) = targets(train), targets(val)
    editor = program.editor("evaluation samples kept out of training")
    np = package(editor, file, "numpy")
    editor.insert(file, max(train, val, key=file.line), after=f"{a} = {a}[~{np}.isin({a}, {b})]\n")
    if _counts_on(file, a):
        raise NotApplicable(f"{a} is split into equal parts, and a smaller number of samples may have none")
    yield editor


def _counts_on(file: SourceFile, name: str) -> bool:
    """`np.split(train, 28)` takes nothing that 28 does not divide."""
    return any(
        c.args and isinstance(c.args[0].value, cst.Name) and c.args[0].value.value == name
        for c in file.nodes(cst.Call) if file.code(c.func).endswith(".split")
    )  # fmt: skip


def split_first(program: Program) -> Iterator[Editor]:
    """Both parts cut from one draw: of two draws of `n` from the same samples, one of both numbers together."""
    file, train, val = _drawn(program)
    calls = [calls_of(one.value, *DRAWS) for one in (train, val)]
    (first,), (second,) = calls
    if not first.args or not second.args or file.code(first.args[0].value) != file.code(second.args[0].value):
        raise NotApplicable("the two parts are not drawn from the same samples")
    editor = program.editor("one permutation for both parts")
    order = unused(file, "order")
    rng = file.code(first.func).rpartition(".")[0]
    earlier, later = sorted((train, val), key=file.line)
    whole = file.code(first.args[0].value)
    editor.insert(file, earlier, before=f"{order} = {rng}.permutation({whole})\n")
    begin = ""
    for one in (earlier, later):
        size = _size(file, one)
        end = f"{begin} + {size}" if begin else size
        code = f"{order}[{begin}:{end}]" if not begin else f"{order}[{begin} : {end}]"
        editor.change(file, one.value, lambda _, code=code: cst.parse_expression(code))  # type: ignore[misc]
        begin = end
    yield editor


def _size(file: SourceFile, one: cst.Assign) -> str:
    """How many are drawn: the second argument, or the end of the slice."""
    call = calls_of(one.value, *DRAWS)[0]
    if one.value is call and len(call.args) > 1 and call.args[1].keyword is None:
        return file.code(call.args[1].value)
    cut = one.value.slice[0].slice if isinstance(one.value, cst.Subscript) else None
    if isinstance(cut, cst.Slice) and cut.upper is not None and cut.lower is None:
        return file.code(cut.upper)
    raise NotApplicable("how many samples a part has is not written where it is drawn")


def _drawn(program: Program) -> tuple[SourceFile, cst.Assign, cst.Assign]:
    """Where the indices of training and of evaluation are drawn.

    Raises:
        NotApplicable: they are not, or nobody can see where.
    """
    given = training(program)
    file = given.site.file
    train = [one for node in given.data for one in _made(file, node)]
    val = [
        one for call in uses_of_model(given) for node in values(call) for one in _made(file, node)
        if all(one is not t for t in train)
    ]  # fmt: skip
    sides = [list({id(one): one for one in side}.values()) for side in (train, val)]
    if [len(side) for side in sides] != [1, 1]:
        raise NotApplicable("where the samples of training and of evaluation are chosen is not known")
    first, second = sides[0][0], sides[1][0]
    if file.function(first) is not file.function(second) or [len(targets(o)) for o in (first, second)] != [1, 1]:
        raise NotApplicable("the samples of training and of evaluation are not chosen in one place")
    return file, first, second


def _made(file: SourceFile, node: cst.BaseExpression) -> Iterator[cst.Assign]:
    """The assignment that draws the rows that a variable is indexed with."""
    if not isinstance(node, cst.Subscript) or not is_rows(node):
        return
    index = node.slice[0].slice
    chosen = Tracer(file).drawn_from(index.value) if isinstance(index, cst.Index) else None
    name = chosen.value if isinstance(chosen, cst.Name) else None
    for one in file.nodes(cst.Assign):
        if name in targets(one) and calls_of(one.value, *DRAWS):
            yield one
