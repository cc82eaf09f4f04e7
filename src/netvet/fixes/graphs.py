"""What takes a tensor out of the graph of its gradients."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.loops import parents, within
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, last_name

CUTTING = ("detach", "item", "detach_", "tolist")
WRAPPING = ("tensor", "Variable", "float", "as_tensor")
OFF = ("no_grad", "inference_mode")


def keep(editor: Editor, file: SourceFile, node: cst.CSTNode) -> int:
    """Take `detach()`, `item()`, `.data` and a new tensor around a value away; how many there were."""
    count = 0
    for one in [node, *within(node)]:
        if isinstance(one, cst.Call) and _cuts(file, one):
            _check_numpy(file, one)
            editor.change(file, one, _inner)
            count += 1
        elif isinstance(one, cst.Attribute) and one.attr.value == "data" and not _is_called(file, one):
            _check_numpy(file, one)
            editor.change(file, one, lambda old: old.value if isinstance(old, cst.Attribute) else old)
            count += 1
    return count


def _check_numpy(file: SourceFile, node: cst.CSTNode) -> None:
    """`x.detach().cpu().numpy()`: no gradient passes through numpy, whatever is taken away before it."""
    for above in parents(file, node):
        if isinstance(above, cst.Attribute) and above.attr.value in ("numpy", "tolist"):
            raise NotApplicable("the way to the loss goes through numpy")
        if not isinstance(above, (cst.Attribute, cst.Call)):
            return


def _cuts(file: SourceFile, call: cst.Call) -> bool:
    name = called(call)
    if isinstance(call.func, cst.Attribute) and name in CUTTING and not call.args:
        return True
    fresh = name == "Variable" or any(a.keyword and a.keyword.value == "requires_grad" for a in call.args)
    return name in WRAPPING and bool(call.args) and (fresh or name == "float")


def _inner(old: cst.CSTNode) -> cst.CSTNode:
    assert isinstance(old, cst.Call)
    if called(old) in CUTTING and isinstance(old.func, cst.Attribute):
        return old.func.value
    inner = old.args[0].value
    closed = isinstance(inner, (cst.Name, cst.Attribute, cst.Call, cst.Subscript)) or inner.lpar
    return inner if closed else inner.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _is_called(file: SourceFile, node: cst.CSTNode) -> bool:
    parent = file.parent(node)
    return isinstance(parent, cst.Call) and parent.func is node


def switched_off(file: SourceFile, node: cst.CSTNode) -> cst.With | cst.FunctionDef | None:
    """The `with torch.no_grad()` around a node, or the function that is decorated with it."""
    for above in parents(file, node):
        if isinstance(above, cst.With) and any(_is_off(i.item) for i in above.items):
            return above
        if isinstance(above, cst.FunctionDef):
            return above if any(_is_off(d.decorator) for d in above.decorators) else None
    return None


def switch_on(editor: Editor, file: SourceFile, node: cst.With | cst.FunctionDef) -> None:
    """Take `no_grad` away and leave what it held."""

    def change(old: cst.CSTNode) -> cst.CSTNode:
        if isinstance(old, cst.FunctionDef):
            return old.with_changes(decorators=[d for d in old.decorators if not _is_off(d.decorator)])
        assert isinstance(old, cst.With)
        kept = [i for i in old.items if not _is_off(i.item)]
        if kept:
            return old.with_changes(items=[*kept[:-1], kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)])
        return cst.FlattenSentinel(old.body.body)  # type: ignore[return-value]

    if isinstance(node, cst.With) and not isinstance(node.body, cst.IndentedBlock):
        raise NotApplicable("no_grad shares its line with another statement")
    editor.change(file, node, change)


def _is_off(node: cst.BaseExpression) -> bool:
    return last_name(node.func if isinstance(node, cst.Call) else node) in OFF
