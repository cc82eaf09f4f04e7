"""The optimizer made behind the last change of the model."""

from __future__ import annotations

import builtins
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import assigned_names, names, target_of, visible, within
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, called


@fix(title="the optimizer made after the model", mends=("stale-optimizer", "parameters-not-in-optimizer"))
def create_later(program: Program) -> Iterator[Editor]:
    """Make the optimizer again where the model is made again.

    ## What it changes
    The line that makes the optimizer is repeated behind the line that gives the model's name another model, and moved
    there where nothing uses it before. Arguments that are not known there are taken from the optimizer.

    ## References
    The documentation of `torch.optim`: parameters after `.cuda()` or of another model are different objects.
    """
    site = program.optimizer
    name, models = target_of(site), [code for code, where in program.models if where.call is site.call]
    if not name or len(models) != 1:
        raise NotApplicable("the optimizer or its model has no name")
    model = models[0]
    again = _assignments(site, model)
    if not again:
        raise NotApplicable(f"{model} is not made again behind the optimizer")
    editor = program.editor(f"{name} made again behind {model}")
    last = again[-1]
    code = f"{name} = {_call(site, last, name)}\n"
    editor.insert(site.file, last, after=code)
    if _unused_between(site, last, name):
        editor.remove(site.file, site.call)
    yield editor


def _assignments(site: Site, model: str) -> list[cst.Assign]:
    """Where the model gets another value behind the optimizer: in its function, or in its class."""
    file, function = site.file, site.file.function(site.call)
    own = next(file.around(site.call, cst.ClassDef), None) if model.startswith("self.") else None
    found = []
    for one in file.nodes(cst.Assign):
        if not any(file.code(t.target) == model for t in one.targets) or file.line(one) <= file.line(site.call):
            continue
        if file.function(one) is function or (own is not None and next(file.around(one, cst.ClassDef), None) is own):
            wraps = isinstance(one.value, cst.Call) and called(one.value) in ("to", "cuda", "cpu", "compile")
            if not wraps:
                found.append(one)
    return found


def _call(site: Site, place: cst.CSTNode, name: str) -> str:
    """The call that makes the optimizer, with what is known at a place.

    Raises:
        NotApplicable: something is not.
    """
    known = visible(site.file, place) | set(dir(builtins)) | {"self"}
    function, here = site.file.function(site.call), site.file.function(place)
    if function is here:
        return site.code(site.call)
    given = []
    for one in site.call.args:
        code = site.code(one).rstrip().rstrip(",")
        if names(one.value) <= known | assigned_names(one):
            given.append(code)
        elif one.keyword is not None:
            given.append(f'{one.keyword.value}={name}.defaults["{one.keyword.value}"]')
        else:
            raise NotApplicable(f"{code} is not known where the model is made again")
    return f"{site.code(site.call.func)}({', '.join(given)})"


def _unused_between(site: Site, last: cst.CSTNode, name: str) -> bool:
    """Nothing reads the optimizer between its line and another: it can be moved."""
    file, function = site.file, site.file.function(site.call)
    if function is not file.function(last) or "." in name:
        return False
    body = function.body if function is not None else file.module
    for one in within(body):
        own = isinstance(one, cst.Name) and one.value == name and not _assigned(site, one)
        if own and file.line(site.call) < file.line(one) <= file.line(last):
            return False
    return True


def _assigned(site: Site, node: cst.CSTNode) -> bool:
    return isinstance(site.file.parent(node), cst.AssignTarget)
