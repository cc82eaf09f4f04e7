"""Updates that are computed and not applied, or of a part of the parameters alone."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.jax_edits.places import package
from netvet.fixes.loops import visible
from netvet.fixes.program import Program, Record, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside, root_name

APPLY = "apply_updates"


def add_step(program: Program) -> Iterator[Editor]:
    """`params = optax.apply_updates(params, updates)` behind the updates, or its result where it is lost."""
    idle = [o for o in program.facts("optimizers") if not o.get("steps") and o.get("step_file")]
    if not idle:
        raise NotApplicable("the updates of every optimizer of Optax are applied")
    file, line = program.file(idle[0], "step_")
    statement = file.statement(line)
    updates, update = _updated(file, statement)
    editor = program.editor("the updates applied to the parameters")
    if not _kept(editor, file, statement):
        name = _parameters(file, update)
        eqx = "equinox" in file.text and _is_module(file, update)
        module = package(editor, file, "optax") if not eqx else "eqx" if "eqx" in file.imported else "equinox"
        editor.insert(file, statement, after=f"{name} = {module}.{APPLY}({name}, {updates})\n")
    yield editor


def _updated(file: SourceFile, statement: cst.CSTNode) -> tuple[str, cst.Call]:
    """The name of the updates, and the call that makes them.

    Raises:
        NotApplicable: they have no name.
    """
    for one in inside(statement, cst.Assign):
        target = one.targets[0].target
        first = target.elements[0].value if isinstance(target, cst.Tuple) else None
        if isinstance(first, cst.Name) and isinstance(one.value, cst.Call) and called(one.value) == "update":
            return first.value, one.value
    raise NotApplicable("the updates have no name where they are computed")


def _parameters(file: SourceFile, update: cst.Call) -> str:
    """What the parameters are called where the updates are computed: what the gradient is taken of.

    Raises:
        NotApplicable: they have no name.
    """
    given = argument(update, "params", 2)
    if given is not None and isinstance(given.value, cst.Name):
        return given.value.value
    if given is not None and isinstance(given.value, cst.Call) and given.value.args:  # eqx.filter(model, ...)
        return root_name(given.value.args[0].value)
    gradients = root_name(update.args[0].value) if update.args else ""
    function = file.function(update)
    for one in file.nodes(cst.Assign):
        target = one.targets[0].target
        named = {n.value for n in inside(target, cst.Name)}
        if file.function(one) is function and gradients in named and isinstance(one.value, cst.Call) and one.value.args:
            name = root_name(one.value.args[0].value)
            if name in visible(file, update):
                return name
    raise NotApplicable("the parameters have no name where the updates are computed")


def _is_module(file: SourceFile, update: cst.Call) -> bool:
    """The gradient is one of Equinox: of a module, whose other leaves have none."""
    return any(called(c) in ("filter_value_and_grad", "filter_grad") for c in file.nodes(cst.Call)) or any(
        "filter_value_and_grad" in file.code(d.decorator) for d in file.nodes(cst.Decorator)
    )


def _kept(editor: Editor, file: SourceFile, statement: cst.CSTNode) -> bool:
    """The updates are applied, and the result has a name that nobody reads: the old parameters get it."""
    function = file.function(statement)
    for one in file.nodes(cst.Assign):
        value, target = one.value, one.targets[0].target
        if file.function(one) is not function or not isinstance(value, cst.Call) or called(value) != APPLY:
            continue
        given = value.args[0].value if value.args else None
        if isinstance(target, cst.Name) and isinstance(given, cst.Name) and target.value != given.value:
            editor.replace(file, target, given.value)
            return True
        raise NotApplicable("the updates are applied: where their result is lost is not known")
    return False


def add_parameters(program: Program) -> Iterator[Editor]:
    """The whole tree of parameters, gradients and updates where a part of it is handed over."""
    missing = [r for r in program.facts("parameters") if r.get("in_optimizer") is False]
    if not missing:
        raise NotApplicable("every trainable parameter is in an optimizer")
    record = next((o for o in program.facts("optimizers") if o.get("step_file")), None)
    if record is None:
        raise NotApplicable("the line that computes the updates is not known")
    editor = program.editor("all parameters in the optimizer")
    found = _part(program, record)
    if found is None:
        raise NotApplicable("the part of the parameters that the optimizer gets is not written as `params[...]`")
    file, part = found
    for call in file.nodes(cst.Call):
        if called(call) in ("init", "update", APPLY) and call.args and _is_part(file, call.args[0].value, part):
            _whole(editor, file, call, part)
    yield editor


def _part(program: Program, record: Record) -> tuple[SourceFile, str] | None:
    """The file, and how the part is written: `["head"]` or `.head` of the gradient."""
    file, line = program.file(record, "step_")
    for call in inside(file.statement(line), cst.Call):
        if called(call) == "update" and call.args:
            given = call.args[0].value
            if isinstance(given, (cst.Subscript, cst.Attribute)):
                return file, file.code(given).removeprefix(file.code(given.value))
    return None


def _is_part(file: SourceFile, node: cst.BaseExpression, part: str) -> bool:
    if isinstance(node, cst.Call) and node.args:  # eqx.filter(model.head, eqx.is_array)
        node = node.args[0].value
    return isinstance(node, (cst.Subscript, cst.Attribute)) and file.code(node).endswith(part)


def _whole(editor: Editor, file: SourceFile, call: cst.Call, part: str) -> None:
    """A call without the part; of `{**params, "head": apply_updates(...)}` the call alone stays."""
    code = file.code(call).replace(f"{part},", ",").replace(f"{part})", ")")
    node: cst.CSTNode = call
    if called(call) == APPLY:
        entry = file.parent(call)
        around = file.parent(entry) if isinstance(entry, cst.DictElement) else None
        assigned = file.parent(call)
        if isinstance(around, cst.Dict):
            node = around
        elif isinstance(assigned, cst.Assign) and _is_part(file, assigned.targets[0].target, part):
            target = assigned.targets[0].target
            assert isinstance(target, cst.BaseExpression)
            editor.replace(file, target, file.code(target).removesuffix(part))
        elif any(called(c) == "tree_at" for c in file.around(call, cst.Call)):
            node = next(c for c in file.around(call, cst.Call) if called(c) == "tree_at")
    editor.change(file, node, lambda _: cst.parse_expression(code))
