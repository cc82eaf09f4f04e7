"""The sign of a loss or of an update, and losses that are sums."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.jax_edits.places import gradient_function, optimizers
from netvet.fixes.jax_edits.rates import updates
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside


def remove_minus(program: Program) -> Iterator[Editor]:
    """The minus before the loss taken away; of an update that climbs, `p + rate * g` becomes `p - rate * g`."""
    negative = [r for r in program.facts("losses") if r.get("phase") == "train" and (r.get("factor") or 0) < 0]
    editor = program.editor("the sign of the loss turned")
    if negative or program.finding is not None:
        done = _climbing(program, editor) or _scale(program, editor) or (bool(negative) and _minus(program, editor))
        if done:
            yield editor
            return
    raise NotApplicable("the loss has the right sign, as far as was seen")


def _climbing(program: Program, editor: Editor) -> bool:
    """Updates that are added."""
    try:
        file, _, _ = gradient_function(program)
        found = updates(program)
    except NotApplicable:
        return False
    added = [one for one in found if isinstance(one.operator, (cst.Add, cst.AddAssign))]
    for one in added:
        by: cst.CSTNode = cst.Subtract() if isinstance(one.operator, cst.Add) else cst.SubtractAssign()
        editor.change(file, one.operator, lambda _, by=by: by)  # type: ignore[misc]
    return bool(added)


def _scale(program: Program, editor: Editor) -> bool:
    """`optax.scale(1e-3)`, which climbs: `optax.scale(-1e-3)`."""
    try:
        sites = optimizers(program)
    except NotApplicable:
        return False
    done = False
    for site in sites:
        given = site.call.args[0].value if called(site.call) == "scale" and site.call.args else None
        if given is not None and not site.code(given).lstrip().startswith("-"):
            editor.replace(site.file, given, "-{}" if isinstance(given, (cst.Float, cst.Name)) else "-({})")
            done = True
    return done


def _minus(program: Program, editor: Editor) -> bool:
    """What the function of the loss returns, without its minus; a mean or a sum that has none gets one."""
    record = next(r for r in program.facts("losses") if r.get("phase") == "train" and (r.get("factor") or 0) < 0)
    file, line = program.file(record)
    function = file.function(file.statement(line))
    for one in inside(function.body, cst.Return) if function is not None else ():
        value = one.value
        if isinstance(value, cst.Tuple) and value.elements:
            value = value.elements[0].value
        if isinstance(value, cst.UnaryOperation) and isinstance(value.operator, cst.Minus):
            inner = value.expression
            editor.change(file, value, lambda _, inner=inner: inner)  # type: ignore[misc]
            return True
    for unary in file.at(line, cst.UnaryOperation):
        if isinstance(unary.operator, cst.Minus):
            editor.change(file, unary, lambda _, inner=unary.expression: inner)  # type: ignore[misc]
            return True
    return False


def mean(program: Program) -> Iterator[Editor]:
    """`jnp.mean` in the place of `jnp.sum` over the batch."""
    summed = [r for r in program.facts("losses") if r.get("phase") == "train" and r.get("reduction") == "sum"]
    if not summed:
        raise NotApplicable("no training loss is a sum")
    file, line = program.file(summed[0])
    editor = program.editor("the loss averaged over the batch")
    call = _outermost_sum(file, line)
    assert isinstance(call.func, cst.Attribute)
    editor.change(file, call.func.attr, lambda _: cst.Name("mean"))
    yield editor


def _outermost_sum(file: SourceFile, line: int) -> cst.Call:
    """The last sum over everything on a line, or on the line that the function returns.

    Raises:
        NotApplicable: there is none.
    """
    function = file.function(file.statement(line))
    returned = list(inside(function.body, cst.Return)) if function is not None else []
    lines = [line, *(file.line(r) for r in returned)]
    for one in lines:
        for call in reversed(file.calls(one, "sum")):
            if isinstance(call.func, cst.Attribute) and not any(a.keyword is not None for a in call.args):
                return call
    raise NotApplicable("no sum over all elements stands where the loss is made")
