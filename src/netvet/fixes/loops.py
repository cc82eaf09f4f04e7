"""The loop of training: what stands around a line of it, and under which names it knows models and optimizers."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile, Statement, called

Loop = cst.For | cst.While
# Methods that only a module has: what they are called on is a model.
OF_MODULES = ("train", "eval", "parameters", "named_parameters", "modules", "children", "requires_grad_")


def parents(file: SourceFile, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a node is part of, innermost first."""
    above = file.parent(node)
    while above is not None:
        yield above
        above = file.parent(above)


def blocks(file: SourceFile, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What a node is part of, innermost first, up to its function."""
    for above in parents(file, node):
        if isinstance(above, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            return
        yield above


def loops(file: SourceFile, node: cst.CSTNode) -> list[Loop]:
    """Around a node within its function, innermost first."""
    return [one for one in blocks(file, node) if isinstance(one, (cst.For, cst.While))]


def contains(file: SourceFile, outer: cst.CSTNode, node: cst.CSTNode) -> bool:
    """A node is part of another, or is it."""
    return outer is node or any(above is outer for above in parents(file, node))


def within(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """All that is part of a node, in order, but not what functions in it do."""
    for child in node.children:
        if not isinstance(child, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            yield child
            yield from within(child)


def siblings(file: SourceFile, node: cst.CSTNode) -> list[Statement]:
    """The statements of the block that a node stands in.

    Raises:
        NotApplicable: it shares its line with another statement.
    """
    block = file.parent(file.statement_of(node))
    found: list[Statement] = []
    for one in block.body if isinstance(block, (cst.IndentedBlock, cst.Module)) else ():
        assert isinstance(one, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
        found.append(one)
    return found


def alone(file: SourceFile, node: cst.CSTNode) -> Statement:
    """The statement that is a call and nothing else.

    Raises:
        NotApplicable: the call is part of a longer statement.
    """
    found = file.statement_of(node)
    body = found.body[0] if isinstance(found, cst.SimpleStatementLine) else None
    one = isinstance(found, cst.SimpleStatementLine) and len(found.body) == 1
    if not one or not isinstance(body, (cst.Expr, cst.Assign)) or body.value is not node:
        raise NotApplicable(f"{file.code(node)} is part of a longer statement")
    return found


def move(editor: Editor, file: SourceFile, node: cst.CSTNode, *, before: cst.CSTNode | None = None,
         after: cst.CSTNode | None = None) -> None:  # fmt: skip
    """Take the statement of a call out and put it before or after that of another node."""
    code = file.code(alone(file, node)).strip() + "\n"
    editor.remove(file, node)
    if before is not None:
        editor.insert(file, before, before=code)
    if after is not None:
        editor.insert(file, after, after=code)


def model_names(file: SourceFile, classes: set[str]) -> set[str]:
    """How models are called in a file: what module methods are called on, and what is assigned from their classes."""
    found = {"model"} if not classes else set()
    for call in file.nodes(cst.Call):
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in OF_MODULES:
            found.add(file.code(call.func.value))
    found |= {name for name, kinds in classes_of(file).items() if kinds & classes}
    return found - {"self", "super()"}


def model_call(program: Program, record: Record) -> tuple[Site, str]:
    """Where a record of a call says that a model is called, and the model as it is written there.

    Raises:
        NotApplicable: no model is called there by a name that is known, or several are.
    """
    file, line = program.file(record)
    kind = str(record.get("model")).partition("#")[0]
    known, classes = model_names(file, {kind}), classes_of(file)
    found: list[tuple[Site, str]] = []
    for call in file.calls(line):
        code = file.code(call.func)
        owner = file.code(call.func.value) if isinstance(call.func, cst.Attribute) else ""
        name = code if code in known else owner
        if name in known and called(call) not in OF_MODULES and all(name != n for _, n in found):
            found.append((Site(file, call, record), name))
    own = [one for one in found if kind in classes.get(one[1], ())]
    free = own or [one for one in found if not classes.get(one[1])]
    chosen = free if len(found) > 1 else found
    if len(chosen) != 1:
        raise NotApplicable(f"the name of {kind} is not known where it is called")
    return chosen[0]


def classes_of(file: SourceFile) -> dict[str, set[str]]:
    """Of variables: the classes whose objects they are given, as far as they are called there."""
    found: dict[str, set[str]] = {}
    for one in file.nodes(cst.Assign):
        for target in one.targets:
            pairs: list[tuple[cst.CSTNode, cst.BaseExpression]] = [(target.target, one.value)]
            if isinstance(target.target, cst.Tuple) and isinstance(one.value, cst.Tuple):
                pairs = [
                    (t.value, v.value) for t, v in zip(target.target.elements, one.value.elements, strict=False)
                ]  # fmt: skip
            for name, value in pairs:
                if isinstance(value, cst.Call) and called(value)[:1].isupper():
                    found.setdefault(file.code(name), set()).add(called(value))
    return found


def assigned_names(node: cst.CSTNode) -> set[str]:
    """Names that are given a value within a node, loop variables and parameters included."""
    found: set[str] = set()
    for one in within(node):
        if isinstance(one, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.NamedExpr, cst.CompFor)):
            found |= _names(one.target)
        elif isinstance(one, cst.AsName):
            found |= _names(one.name)
        elif isinstance(one, cst.ImportAlias):
            found.add(one.evaluated_alias or one.evaluated_name.split(".")[0])
    return found


def names(node: cst.CSTNode) -> set[str]:
    """Names that an expression reads, without those behind a dot and of keywords."""
    return _names(node)


def _names(node: cst.CSTNode) -> set[str]:
    if isinstance(node, cst.Name):
        return {node.value}
    if isinstance(node, cst.Attribute):
        return _names(node.value)
    if isinstance(node, cst.Arg):
        return _names(node.value)
    found: set[str] = set()
    for child in node.children:
        found |= _names(child)
    return found


def visible(file: SourceFile, node: cst.CSTNode) -> set[str]:
    """Names that can be read where a node stands: of its function, and of the file."""
    found: set[str] = set()
    function = file.function(node)
    while function is not None:
        found |= assigned_names(function.body)
        found |= {p.name.value for p in (*function.params.params, *function.params.kwonly_params)}
        function = file.function(function)
    for one in file.module.body:
        if isinstance(one, (cst.FunctionDef, cst.ClassDef)):
            found.add(one.name.value)
        found |= assigned_names(one) if not isinstance(one, (cst.FunctionDef, cst.ClassDef)) else set()
        if isinstance(one, cst.For):
            found |= _names(one.target)
    return found


def target_of(site: Site) -> str:
    """What the result of a call is assigned to; empty where it is assigned to nothing or to several."""
    parent = site.file.parent(site.call)
    if isinstance(parent, cst.Assign) and len(parent.targets) == 1:
        target = parent.targets[0].target
        return site.code(target) if isinstance(target, (cst.Name, cst.Attribute)) else ""
    if isinstance(parent, cst.AnnAssign):
        return site.code(parent.target)
    return ""


def optimizer_name(program: Program, record: Record, file: SourceFile, node: cst.CSTNode) -> str:
    """An optimizer as it is written where a node stands.

    Raises:
        NotApplicable: it has no name there.
    """
    function = file.function(node)
    for event in program.facts("events"):
        if event.get("kind") == "zero_grad" and event.get("target") == record.get("name") and event.get("file"):
            site = program.site(event)
            func = site.call.func
            here = site.file is file and file.function(site.call) is function
            if here and isinstance(func, cst.Attribute) and func.attr.value == "zero_grad":
                owner = site.code(func.value)
                if owner not in model_names(file, set(record.get("models") or ())):
                    return owner
    made = next((s for s in program.optimizers if s.record.get("name") == record.get("name")), None)
    name = target_of(made) if made is not None else ""
    if made is not None and name and made.file is file:
        owner, dot, _ = name.partition(".")
        if owner in visible(file, node) and (not dot or owner == "self"):
            return name
    raise NotApplicable("the optimizer has no name where its step belongs")


def guards(file: SourceFile, node: cst.CSTNode, outer: cst.CSTNode) -> list[str]:
    """Conditions of the `if`s between a node and a loop that do not depend on what the loop changes.

    Raises:
        NotApplicable: it stands in an `else`.
    """
    changing = assigned_names(outer) | (_names(outer.target) if isinstance(outer, cst.For) else set())
    found: list[str] = []
    inner = node
    for above in blocks(file, node):
        if above is outer:
            break
        if isinstance(above, cst.Else):
            raise NotApplicable("it stands behind an else")
        if isinstance(above, cst.If) and inner is above.body and not names(above.test) & changing:
            found.insert(0, file.code(above.test))
        inner = above
    return found


def guarded(conditions: list[str], code: str) -> str:
    """Statements under conditions."""
    if not conditions:
        return code
    test = " and ".join(f"({c})" if len(conditions) > 1 else c for c in conditions)
    return f"if {test}:\n" + "".join(f"    {line}\n" for line in code.splitlines())


def events(program: Program, *kinds: str) -> list[Site]:
    """Calls of these kinds in the loop, each place once, in the order in which they ran."""
    found: list[Site] = []
    for one in program.facts("events"):
        if one.get("kind") in kinds and one.get("file"):
            try:
                site = program.site(one)
            except NotApplicable:
                continue
            if all(site.call is not s.call for s in found):
                found.append(site)
    return found


def receiver(site: Site) -> cst.BaseExpression:
    """What `backward` is called on, without the scaler: `loss` of `scaler.scale(loss).backward()`.

    Raises:
        NotApplicable: it is called as a function.
    """
    func = site.call.func
    if not isinstance(func, cst.Attribute):
        raise NotApplicable("backward is not called on a loss")
    value: cst.BaseExpression = func.value
    if isinstance(value, cst.Call) and called(value) == "scale" and argument(value, "outputs", 0):
        value = value.args[0].value
    return value


def assignments(file: SourceFile, node: cst.CSTNode, name: str) -> list[cst.Assign]:
    """Where a variable gets its value in the function of a node, before it, the last first."""
    function = file.function(node)
    found = []
    for one in file.nodes(cst.Assign):
        before = file.function(one) is function and file.line(one) <= file.line(node)
        if before and any(file.code(t.target) == name for t in one.targets):
            found.append(one)
    return found[::-1]


def divide_loss(editor: Editor, backward: Site, count: str) -> None:
    """Call `backward` on a part of the loss, and leave what is printed as it is.

    Raises:
        NotApplicable: it is called as a function.
    """
    value = receiver(backward)
    whole = isinstance(backward.call.func, cst.Attribute) and backward.call.func.value is value
    plain = isinstance(value, (cst.Name, cst.Attribute, cst.Integer, cst.Subscript, cst.Call))
    inner = "{}" if plain or value.lpar else "({})"
    editor.replace(backward.file, value, f"({inner} / {count})" if whole else f"{inner} / {count}")
