"""How wide layers are: the number that a hidden size comes from."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.modules import made, weighted
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.size_lists import sizes_of
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
        listed = None if _number(given) is not None else sizes_of(site, given, ends=together(one, last))
        if listed is not None and not listed[0]:
            raise NotApplicable("the list of sizes holds none of a hidden layer")
        for size in listed[0] if listed is not None else [given]:
            _scale(editor, site.file, size, site, factor, seen)
    for one in [*hidden[1:], last]:
        site = made(program, one)
        given = _given(site, one, 0)
        if _number(given) is not None:
            _scale(editor, site.file, given, site, factor, seen)
    return editor


def together(one: Record, other: Record) -> bool:
    """The same line makes both."""
    places = [(r.get("created_file"), r.get("created_line")) for r in (one, other)]
    return places[0] == places[1]


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
    number = node if isinstance(node, cst.Integer) else integer_behind(file, node, site)
    if not any(number is s for s in seen):
        seen.append(number)
        editor.replace(file, number, str(max(1, round(int(number.value) * factor))))


def integer_behind(file: SourceFile, node: cst.BaseExpression, site: Site) -> cst.Integer:
    """The number behind a name: what the only caller of the function gives, a default, a constant, or of an option.

    Raises:
        NotApplicable: there is none, or several callers give one.
    """
    name, function = last_name(node), file.function(site.call)
    params = [*function.params.params, *function.params.kwonly_params] if function is not None else []
    given = next((p for p in params if p.name.value == name), None) if isinstance(node, cst.Name) else None
    if given is not None and function is not None:
        position = next(i for i, p in enumerate(params) if p is given)
        handed = _handed(file, function, name, position)
        if len(handed) > 1:
            raise NotApplicable(f"{name} is given by several callers")
        if not handed and isinstance(given.default, cst.Integer):
            return given.default
        node = handed[0] if handed else node
        if isinstance(node, cst.Integer):
            return node
    for assign in file.nodes(cst.Assign):
        if file.code(assign.targets[0].target) == file.code(node) and isinstance(assign.value, cst.Integer):
            return assign.value
    name = last_name(node)
    for call in file.nodes(cst.Call):
        if called(call) == "add_argument" and any(option_name(file.code(a.value)) == name for a in call.args):
            default = argument(call, "default")
            if default is not None and isinstance(default.value, cst.Integer):
                return default.value
    raise NotApplicable(f"no number is found for the size {file.code(node)}")


def option_name(text: str) -> str:
    """Of an option of the command line, the name of its value: `batch_size` of `--batch-size` and `--batch-size=8`."""
    return text.strip("'\"").partition("=")[0].lstrip("-").replace("-", "_")


def _handed(file: SourceFile, function: cst.FunctionDef, name: str, position: int) -> list[cst.BaseExpression]:
    """What the calls of a function, or of the class that it is the `__init__` of, give for a parameter."""
    owner = next(file.around(function, cst.ClassDef), None)
    maker = owner.name.value if owner is not None else function.name.value
    found = [argument(c, name, position - (owner is not None)) for c in file.nodes(cst.Call) if called(c) == maker]
    return [one.value for one in found if one is not None]
