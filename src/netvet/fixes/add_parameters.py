"""All parameters handed to the optimizer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import assigned_names, model_call, within
from netvet.fixes.program import Program, Site
from netvet.fixes.rates import handed
from netvet.fixes.source import Editor, NotApplicable, called, root_name


@fix(title="all parameters in the optimizer", mends=("parameters-not-in-optimizer", "stale-optimizer"))
def add_parameters(program: Program) -> Iterator[Editor]:
    """Hand the optimizer the parameters that get gradients and are in no optimizer.

    ## What it changes
    `model.classifier.parameters()`, or a list of such parts, becomes `model.parameters()` where the optimizer is made;
    of a model that is not there at all the parameters are added, in the same group.

    ## References
    The documentation of `torch.optim`, "Constructing it".
    """
    missing = [r for r in program.facts("parameters") if r.get("in_optimizer") is False and r.get("requires_grad")]
    missing = [r for r in missing if r.get("reached") is not False]
    if not missing:
        raise NotApplicable("every trainable parameter is in an optimizer")
    editor = program.editor("all parameters in the optimizer")
    site = program.optimizer
    held = set(site.record.get("models") or ())
    for model in dict.fromkeys(str(r.get("model")) for r in missing):
        if model in held:
            _whole(editor, site)
        else:
            _other(program, editor, site, model)
    yield editor


def _parameters(site: Site) -> cst.Call:
    """The only call of `parameters()` where the optimizer is made.

    Raises:
        NotApplicable: there are none or several.
    """
    found = _handed(site)
    if len(found) != 1 or not isinstance(found[0].func, cst.Attribute):
        raise NotApplicable("parameters() is not called once where the optimizer is made")
    return found[0]


def _handed(site: Site) -> list[cst.Call]:
    """The calls of `parameters()` where the optimizer is made."""
    found = [c for c in _nodes(handed(site)) if isinstance(c, cst.Call) and called(c) == "parameters"]
    return [c for i, c in enumerate(found) if c not in found[:i]]


def _nodes(node: cst.CSTNode) -> list[cst.CSTNode]:
    return [node, *within(node)]


def _parts(site: Site) -> str:
    """The model of which several parts are handed over in one group; empty where that is not what is done.

    `[*model.body.parameters(), *model.head.parameters()]` gives `model`.
    """
    owners = [c.func.value for c in _handed(site) if isinstance(c.func, cst.Attribute)]
    groups = any(isinstance(node, cst.Dict) for node in _nodes(handed(site)))
    models = {site.code(o.value) for o in owners if isinstance(o, cst.Attribute)}
    if len(owners) < 2 or len(models) != 1 or groups or not all(isinstance(o, cst.Attribute) for o in owners):
        return ""
    held = {str(n).partition(".")[0] for n in site.record.get("parameters") or ()}
    named = {o.attr.value for o in owners if isinstance(o, cst.Attribute)}
    return models.pop() if held == named else ""


def _whole(editor: Editor, site: Site) -> None:
    """The model in the place of a part of it, as far as the names of its parameters go."""
    model = _parts(site)
    if model:
        given, code = handed(site), f"{model}.parameters()"
        # A variable may be used again, where an iterator would be at its end.
        editor.replace(site.file, given, code if given is site.call.args[0].value else f"list({code})")
        return
    call = _parameters(site)
    assert isinstance(call.func, cst.Attribute)
    owner: cst.BaseExpression = call.func.value
    held = [str(n) for n in site.record.get("parameters") or ()]
    while isinstance(owner, (cst.Attribute, cst.Subscript)) and held:
        last = owner.attr.value if isinstance(owner, cst.Attribute) else site.code(owner.slice[0].slice)
        if not all(f".{last}." in f".{n}" for n in held):
            break
        owner = owner.value
    if owner is call.func.value or root_name(owner) == "":
        raise NotApplicable("the model that the parameters belong to is not seen where the optimizer is made")
    editor.replace(site.file, call.func.value, site.code(owner))


def _other(program: Program, editor: Editor, site: Site, model: str) -> None:
    """The parameters of another model as well."""
    record = next((r for r in program.facts("calls") if r.get("model") == model), None)
    if record is None:
        raise NotApplicable(f"where {model} is called is not known")
    where, name = model_call(program, record)
    function, made = site.file.function(site.call), site.file.statement_of(site.call)
    block = function.body if function is not None else site.file.module
    before = [s for s in _statements(block) if site.file.line(s) < site.file.line(made)]
    known = any(name in assigned_names(s) for s in before) or (
        function is not None and any(p.name.value == name for p in function.params.params)
    )
    if where.file is not site.file or not known:
        raise NotApplicable(f"{name} is not known where the optimizer is made")
    call = _parameters(site)
    editor.replace(site.file, call, f"[*{{}}, *{name}.parameters()]")


def _statements(block: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for child in within(block):
        if isinstance(child, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            yield child
