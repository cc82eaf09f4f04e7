"""How many samples a batch of training holds."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.program import Program, Site, argument
from netvet.fixes.sizes import integer_behind, option_name
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called
from netvet.fixes.trainers import Held, held

Size = tuple[SourceFile, cst.BaseExpression] | Held


def sizes(program: Program) -> list[Size]:
    """Where the size of a batch of training is given: to its loader, or to `split` of an order of samples.

    Raises:
        NotApplicable: to neither.
    """
    found: list[Size] = []
    for record in program.facts("loaders"):
        if record.get("phase") != "eval" and record.get("created_file"):
            try:
                site = program.loader(record)
            except NotApplicable:
                return list(held(program, "batch_size"))  # a trainer makes the loader
            given = argument(site.call, "batch_size", 1)
            if given is None:
                raise NotApplicable("the loader is given no batch_size")
            found.append((site.file, _origin(program, site, given.value)))
    if not found:
        found = [
            (site.file, _origin(program, site, size))
            for site in _by_hand(program)
            if (size := _split(site)) is not None
        ]
    if not found:
        raise NotApplicable("the size of a batch is not given to a loader")
    return found


def _by_hand(program: Program) -> list[Site]:
    """Calls of `split` that the loop over batches goes through."""
    found = [
        Site(backward.file, loop.iter, {})
        for backward in program.backwards
        for loop in backward.file.around(backward.call, cst.For)
        if isinstance(loop.iter, cst.Call)
    ]
    return found[:1]


def _origin(program: Program, site: Site, value: cst.BaseExpression) -> cst.BaseExpression:
    """The number behind a name, which may serve elsewhere too (as for a sampler); the name where that is not known."""
    try:
        number = integer_behind(site.file, value, site)
    except NotApplicable:
        return value
    given = {option_name(str(a)) for run in program.facts("run") for a in run.get("arguments") or ()}
    options = [c for c in site.file.around(number, cst.Call) if called(c) == "add_argument"]
    return value if any(option_name(site.file.code(a.value)) in given for c in options for a in c.args) else number


def _split(site: Site) -> cst.BaseExpression | None:
    name = site.call.func.attr.value if isinstance(site.call.func, cst.Attribute) else ""
    given = argument(site.call, "split_size", 0) if name == "split" else None
    return given.value if given is not None else None


def _usual(size: Held) -> str:
    """What holds where a trainer is given no size.

    Raises:
        NotApplicable: that is not known.
    """
    if not size.setting.default:
        raise NotApplicable("the trainer is given no size of a batch")
    return size.setting.default


def _written(size: Size) -> tuple[SourceFile, cst.BaseExpression, str, bool]:
    """The file, the expression, its code, and whether it needs no brackets."""
    file, value = (size.site.file, size.value) if isinstance(size, Held) else size
    assert value is not None
    code = file.code(value)
    if code.startswith("-"):
        raise NotApplicable("a batch holds all samples")
    return file, value, code, isinstance(value, (cst.Name, cst.Attribute, cst.Subscript, cst.Call))


def multiply(editor: Editor, size: Size, factor: int) -> None:
    """The size times a number."""
    if isinstance(size, Held) and size.value is None:
        size.set(editor, str(int(_usual(size)) * factor))
        return
    file, value, code, closed = _written(size)
    new = str(int(code) * factor) if code.isdigit() else ""
    editor.replace(file, value, new or f"{factor} * {code if closed else f'({code})'}")


def divide(editor: Editor, size: Size, factor: int) -> None:
    """The size divided by a number, at least 1."""
    if isinstance(size, Held) and size.value is None:
        size.set(editor, str(max(1, int(_usual(size)) // factor)))
        return
    file, value, code, closed = _written(size)
    new = str(max(1, int(code) // factor)) if code.isdigit() else ""
    editor.replace(file, value, new or f"max(1, {code if closed else f'({code})'} // {factor})")
