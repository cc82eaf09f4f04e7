"""How wide layers are: the number that a hidden size comes from."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.modules import made, weighted
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, last_name


def with_width(program: Program, factor: float) -> Editor:
    """One variant: all hidden sizes times a number.

    Raises:
        NotApplicable: the sizes are no numbers that are written once.
    """
    *hidden, last = weighted(program)
    if not hidden:
        raise NotApplicable("the model has no hidden layer")
    editor = program.editor(f"{factor:g} times the width")
    seen: list[cst.CSTNode] = []
    for one in hidden:
        site = made(program, one)
        given = _given(site, one, 1)
        _scale(editor, site.file, given, site, factor, seen)
    for one in [*hidden[1:], last]:
        site = made(program, one)
        given = _given(site, one, 0)
        if _number(given) is not None:
            _scale(editor, site.file, given, site, factor, seen)
    return editor


def _given(site: Site, record: Record, position: int) -> cst.BaseExpression:
    linear = record.get("cls") == "Linear"
    name = (("in_features", "out_features") if linear else ("in_channels", "out_channels"))[position]
    found = argument(site.call, name, position)
    if found is None:
        raise NotApplicable(f"the size of {record.get('name')} is not written where it is made")
    return found.value


def _number(node: cst.BaseExpression) -> int | None:
    return int(node.value) if isinstance(node, cst.Integer) else None


def _scale(
    editor: Editor, file: SourceFile, node: cst.BaseExpression, site: Site, factor: float, seen: list[cst.CSTNode]
) -> None:
    number = node if isinstance(node, cst.Integer) else _origin(file, node, site)
    if not any(number is s for s in seen):
        seen.append(number)
        editor.replace(file, number, str(max(1, round(int(number.value) * factor))))


def _origin(file: SourceFile, node: cst.BaseExpression, site: Site) -> cst.Integer:
    """The number behind a name: a default of the function, a constant, or the default of an option.

    Raises:
        NotApplicable: there is none, or callers give another.
    """
    name, function = last_name(node), file.function(site.call)
    params = [*function.params.params, *function.params.kwonly_params] if function is not None else []
    for one in params if isinstance(node, cst.Name) else ():
        if one.name.value == name and isinstance(one.default, cst.Integer):
            owner = next(file.around(site.call, cst.ClassDef), None)
            calls = [c for c in file.nodes(cst.Call) if owner is not None and called(c) == owner.name.value]
            if any(c.args for c in calls):
                position = next(i for i, p in enumerate(params) if p is one) - 1
                if any(argument(c, name, position) is not None for c in calls):
                    raise NotApplicable(f"{name} is given by the caller")
            return one.default
    for assign in file.nodes(cst.Assign):
        if file.code(assign.targets[0].target) == file.code(node) and isinstance(assign.value, cst.Integer):
            return assign.value
    for call in file.nodes(cst.Call):
        if called(call) == "add_argument" and call.args and file.code(call.args[0].value).strip("'\"-") == name:
            default = argument(call, "default")
            if default is not None and isinstance(default.value, cst.Integer):
                return default.value
    raise NotApplicable(f"no number is found for the size {file.code(node)}")
