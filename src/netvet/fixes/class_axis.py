"""Softmax and arg-max over the classes."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import is_module
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called

SOFTMAX = ("softmax", "log_softmax", "Softmax", "LogSoftmax")
ARGMAX = ("argmax", "max", "topk")
NAMES = ("dim", "axis")


@fix(title="softmax or arg-max over the classes", mends=("wrong-softmax-dim", "misread-metric"))
def class_axis(program: Program) -> Iterator[Editor]:
    """Take softmax, or the arg-max of a score, over the axis of the classes.

    ## What it changes
    The `dim` of the call or of the layer.

    ## References
    The documentation of `torch.nn.CrossEntropyLoss` (shape: classes on axis 1) and of `torch.argmax`.
    """
    metric = _metric(program)
    if metric is not None:
        site = program.site(metric, *ARGMAX, prefix="op_" if metric.get("op_file") else "")
        axis = int(metric["classes_dim"])
    else:
        site = program.site(program.place, *SOFTMAX)
        axis = 1
    if any(r.get("input_reshaped") for r in program.facts("losses")) and metric is None:
        axis = -1
    editor = program.editor(f"{site.code(site.call.func)} over axis {axis}")
    _set(editor, site, axis)
    yield editor


def _metric(program: Program) -> Record | None:
    """The score whose arg-max goes over the wrong axis, if the finding is about one."""
    file, line = program.file(program.place)
    for one in program.facts("metrics"):
        places = [(one.get(f"{p}file"), one.get(f"{p}line")) for p in ("op_", "")]
        here = any(place == line and name and program.sources.file(str(name)) is file for name, place in places)
        if here and one.get("op") in ("argmax", "max") and one.get("dim") != one.get("classes_dim") is not None:
            return one
    return None


def _set(editor: Editor, site: Site, axis: int) -> None:
    for name in NAMES:
        given = argument(site.call, name)
        if given is not None:
            editor.replace(site.file, given.value, str(axis))
            return
    function = site.call.func
    method = isinstance(function, cst.Attribute) and not is_module(function.value, site.file)
    layer = called(site.call)[:1].isupper()
    if isinstance(function, cst.Attribute) and site.code(function.value) == "self":
        raise NotApplicable(f"where {site.code(function)} was made is not known")
    position = 0 if method or layer else 1
    given = argument(site.call, "dim", position)
    if given is not None:
        editor.replace(site.file, given.value, str(axis))
        return
    if len(site.call.args) != position or any(a.keyword for a in site.call.args):
        raise NotApplicable(f"the axis is not given to {site.code(function)}")
    added = cst.Arg(cst.parse_expression(str(axis)), cst.Name("dim"), equal=_EQUAL)
    editor.change(site.file, site.call, lambda old: _with(old, added))


_EQUAL = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))


def _with(old: cst.CSTNode, added: cst.Arg) -> cst.CSTNode:
    assert isinstance(old, cst.Call)
    kept = [a.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))) for a in old.args]
    return old.with_changes(args=[*kept, added])
