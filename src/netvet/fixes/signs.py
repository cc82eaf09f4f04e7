"""Signs on the way from a loss to its backward."""

from __future__ import annotations

import libcst as cst

from netvet.fixes.loops import assignments, receiver, within
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile

CLOSED = (cst.Name, cst.Attribute, cst.Subscript, cst.Call, cst.UnaryOperation)


def flip_loss(program: Program, editor: Editor) -> None:
    """Take the minus sign before the loss away, or put one there.

    Raises:
        NotApplicable: there are several backward calls.
    """
    if len(program.backwards) > 1:
        raise NotApplicable("there are several backward calls, and which is meant is not known")
    backward = program.backwards[0]
    value = receiver(backward)
    for one in _chain(backward, value):
        minus = _minus(one)
        if minus is not None:
            _strip(editor, backward.file, minus)
            return
    target = assignments(backward.file, backward.call, backward.code(value))
    if not isinstance(value, cst.Name) or not target:
        editor.replace(backward.file, value, "(-{})" if isinstance(value, CLOSED) else "(-({}))")
        return
    made = target[0].value
    editor.replace(backward.file, made, "-{}" if isinstance(made, CLOSED) else "-({})")


def _chain(backward: Site, value: cst.BaseExpression) -> list[cst.BaseExpression]:
    """The loss and what its variables were assigned, as far as they are other names with a sign or a mean."""
    found, names = [value], {backward.code(value)}
    todo = [value]
    while todo and len(found) < 8:  # a loss that goes through more names is another program
        one = todo.pop(0)
        for name in [one, *within(one)]:
            if not isinstance(name, cst.Name):
                continue
            for assigned in assignments(backward.file, backward.call, name.value)[:1]:
                if name.value in names and one is not value:
                    continue
                names.add(name.value)
                if assigned.value not in found:
                    found.append(assigned.value)
                    todo.append(assigned.value)
    return found


def _minus(node: cst.BaseExpression) -> cst.BaseExpression | None:
    """The whole expression is negated: `-x`, `-1 * x`, `(-x).mean()`."""
    if isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus):
        return None if isinstance(node.expression, (cst.Integer, cst.Float)) else node
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, (cst.Multiply, cst.Divide)):
        return node if _is_minus_one(node.left) else _minus(node.left)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value in ("mean", "sum"):
        return _minus(node.func.value)
    return None


def _is_minus_one(node: cst.BaseExpression) -> bool:
    negated = isinstance(node, cst.UnaryOperation) and isinstance(node.operator, cst.Minus)
    return negated and isinstance(node, cst.UnaryOperation) and cst.Module([]).code_for_node(node.expression) in (
        "1", "1.0",
    )  # fmt: skip


def _strip(editor: Editor, file: SourceFile, node: cst.BaseExpression) -> None:
    def change(old: cst.CSTNode) -> cst.CSTNode:
        if isinstance(old, cst.BinaryOperation):
            return old.right
        assert isinstance(old, cst.UnaryOperation)
        inner = old.expression
        if old.lpar and not isinstance(inner, CLOSED):  # (-(a + b)).mean() needs its brackets
            return inner if inner.lpar else inner.with_changes(lpar=old.lpar, rpar=old.rpar)
        return inner

    editor.change(file, node, change)
