"""A sample is computed, and not changed where it is stored."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile

OPERATORS = {
    cst.AddAssign: "+", cst.SubtractAssign: "-", cst.MultiplyAssign: "*", cst.DivideAssign: "/", cst.PowerAssign: "**",
    cst.FloorDivideAssign: "//", cst.ModuloAssign: "%",
}  # fmt: skip


@fix(title="samples copied before they are changed", mends=("mutated-data",))
def copy_first(program: Program) -> Iterator[Editor]:
    """Compute a new tensor in the place of writing into the stored one.

    ## What it changes
    `x -= mean` becomes `x = x - mean`, and `x.clamp_(0, 1)` becomes `x = x.clamp(0, 1)`, for all such lines of that
    variable in the function; where single elements are written, the sample is copied before.

    ## References
    The documentation of `Tensor.clone` and of in-place operations of PyTorch.
    """
    file, line = program.file(program.place)
    statement = file.statement(line)
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        raise NotApplicable(f"line {line} is no statement of its own")
    name = _written(file, statement)
    editor = program.editor("samples copied before they are changed")
    scope = file.function(statement)
    for other in file.nodes(cst.SimpleStatementLine):
        if file.function(other) is scope and len(other.body) == 1 and _is_written(file, other, name):
            _made_anew(editor, file, other, first=other is statement)
    yield editor


def _is_written(file: SourceFile, statement: cst.SimpleStatementLine, name: str) -> bool:
    try:
        return _written(file, statement) == name
    except NotApplicable:
        return False


def _method(one: cst.BaseSmallStatement) -> cst.Call | None:
    """`x.sub_(1)` as a statement, or what is assigned."""
    value = one.value if isinstance(one, (cst.Expr, cst.Assign)) else None
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
        name = value.func.attr.value
        if name.endswith("_") and not name.endswith("__"):
            return value
    return None


def _written(file: SourceFile, statement: cst.SimpleStatementLine) -> str:
    """What a statement changes in place, as it is written.

    Raises:
        NotApplicable: nothing, as far as can be seen.
    """
    one = statement.body[0]
    method = _method(one)
    if method is not None and isinstance(method.func, cst.Attribute):
        return file.code(method.func.value)
    if isinstance(one, cst.AugAssign) and type(one.operator) in OPERATORS:
        return file.code(one.target.value if isinstance(one.target, cst.Subscript) else one.target)
    if isinstance(one, cst.Assign) and isinstance(one.targets[0].target, cst.Subscript):
        return file.code(one.targets[0].target.value)
    value = one.value if isinstance(one, (cst.Expr, cst.Assign)) else None
    if isinstance(value, cst.Call) and argument(value, "inplace") is not None and value.args:
        return file.code(value.args[0].value)
    raise NotApplicable(f"line {file.line(statement)} changes nothing in place that can be seen")


def _made_anew(editor: Editor, file: SourceFile, statement: cst.SimpleStatementLine, *, first: bool) -> None:
    one, method = statement.body[0], _method(statement.body[0])
    if method is not None and isinstance(method.func, cst.Attribute):
        attribute, owner = method.func, method.func.value
        editor.change(file, attribute.attr, lambda old: cst.Name(attribute.attr.value.rstrip("_")))
        if isinstance(one, cst.Expr):
            if not isinstance(owner, cst.Name):
                raise NotApplicable(f"{file.code(owner)} is written into, and is no variable of the function")
            _as_assignment(editor, file, statement, owner.value)
        return
    if isinstance(one, cst.AugAssign) and isinstance(one.target, cst.Name):
        sign, code = OPERATORS[type(one.operator)], file.code(one.value)
        simple = isinstance(one.value, (cst.Name, cst.Attribute, cst.Call, cst.Subscript, cst.Integer, cst.Float))
        new = f"{one.target.value} = {one.target.value} {sign} {code if simple else f'({code})'}"
        editor.change(file, one, lambda _: _small(new))
        return
    value = one.value if isinstance(one, (cst.Expr, cst.Assign)) else None
    given = argument(value, "inplace") if isinstance(value, cst.Call) else None
    if given is not None and isinstance(one, cst.Assign):
        editor.replace(file, given.value, "False")
    elif first:
        name = _written(file, statement)
        if not name.isidentifier():
            raise NotApplicable(f"{name} is written into, and is no variable of the function")
        editor.insert(file, statement, before=f"{name} = copy.deepcopy({name})\n")
        editor.require(file, "copy", "import copy")


def _as_assignment(editor: Editor, file: SourceFile, statement: cst.SimpleStatementLine, name: str) -> None:
    """`x.sub(1)` becomes `x = x.sub(1)`."""

    def change(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.Expr)
        return cst.Assign([cst.AssignTarget(cst.Name(name))], old.value)

    editor.change(file, statement.body[0], change)


def _small(code: str) -> cst.BaseSmallStatement:
    line = cst.parse_statement(code + "\n")
    assert isinstance(line, cst.SimpleStatementLine)
    return line.body[0]
