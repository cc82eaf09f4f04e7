"""Reading the user's source: the line that gave the values of an argument their present form.

Unlike the place where an argument was put together, this goes on through loaders, data sets, splits and calls of the
user's own functions to the arithmetic within them. What is looked for:

- `pairing` stops where rows are drawn in another order.
- `choice` follows what the rows were chosen with, `batch` what the rows of one batch were.
- `scores` leads through the masking of scores.
- `scale` stops where numbers became tensors: there at the latest they had to be scaled.
- `origin` is known only where it is a line that ran once, not one of a function or a data set of several.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from types import FrameType
from typing import Literal

from netvet.capture.source import (
    _CONVERSIONS,
    _MODULES,
    MAX_STEPS,
    PREPARING,
    _called,
    _has,
    _module_frame,
    _scope,
    _statements,
    argument_of,
    call_at,
    caller,
    comprehension_at,
    enclosing,
    tree_of,
)

Aim = Literal["values", "pairing", "choice", "batch", "scores", "scale", "origin"]
Path = tuple[int | str, ...]  # which part of a tuple, of a dictionary or of a sample is meant

_PASSING = ("DataLoader", "Subset", "iter", "next", "list", "tuple", "tqdm", "deepcopy")
_SPLITS = ("random_split", "train_test_split", "split", "array_split")
_TENSORS = ("tensor", "as_tensor", "from_numpy", "Tensor", "FloatTensor")
_RAW = ("load", "read", "fetch", "open", "genfromtxt", "loadtxt")
_LOOPS = (ast.For, ast.AsyncFor)
_END = 10**9


@dataclass(frozen=True)
class _Scope:
    """A function, or a module, up to a line: running (it has a frame), or one that has returned (it has its call)."""

    node: ast.AST
    file: str
    above: int
    frame: FrameType | None = None
    call: ast.Call | None = None
    outer: _Scope | None = None
    owner: ast.ClassDef | None = None


@dataclass(frozen=True)
class _Value:
    """An expression, the part of it that is meant, and the line of the statement that it stands in."""

    node: ast.expr | None
    scope: _Scope
    line: int
    path: Path = ()


def content_line(frame: FrameType, position: int | str, aim: Aim = "values") -> tuple[str, int] | None:
    """File and line that gave an argument of the call that a frame is at its present values.

    None where they come from outside (a file, a library's function): nothing in the program has made them.
    """
    call, frame = call_at(frame), enclosing(frame)
    node = _scope(frame.f_code)
    if node is None or call is None:
        return None
    scope = _Scope(node, frame.f_code.co_filename, frame.f_lineno, frame)
    value = _Value(argument_of(call, position), scope, frame.f_lineno)
    moved = False
    for _ in range(3 * MAX_STEPS):
        if value.node is None:
            return None
        called = _called(value.node) if isinstance(value.node, ast.Call) else ""
        if aim == "scale" and called in _TENSORS and not _in_loop(value):
            return value.scope.file, value.line
        following = _next(value, aim)
        if following is None:
            if aim == "origin" and (value.scope.call is not None or _in_loop(value)):
                return None
            known = moved and (aim in ("choice", "batch") or not _is_raw(value.node))
            return (value.scope.file, value.line) if known else None
        moved = moved or following.line != value.line
        value = following
    return None


def _next(value: _Value, aim: Aim) -> _Value | None:
    """What an expression takes its values from; None where it makes them itself."""
    node, path = value.node, value.path
    if isinstance(node, ast.Name):
        return _bound(value, node.id)
    if isinstance(node, ast.Subscript):
        return _selected(value, node, aim)
    if isinstance(node, ast.Attribute):
        return _attribute(value, node)
    if isinstance(node, ast.Starred | ast.Await):
        return replace(value, node=node.value)
    if isinstance(node, ast.Tuple | ast.List) and path and isinstance(path[0], int) and path[0] < len(node.elts):
        return replace(value, node=node.elts[path[0]], path=path[1:])
    if isinstance(node, ast.Dict) and path:
        keys = [getattr(k, "value", None) for k in node.keys]
        return replace(value, node=node.values[keys.index(path[0])], path=path[1:]) if path[0] in keys else None
    if isinstance(node, ast.ListComp | ast.GeneratorExp) and isinstance(node.elt, ast.Call):
        return _called_inside(replace(value, node=node.elt), node.elt)
    return _through(value, node, aim) if isinstance(node, ast.Call) else None


def _through(value: _Value, call: ast.Call, aim: Aim) -> _Value | None:
    name, path, args = _called(call), value.path, call.args
    inside = _called_inside(value, call)
    if inside is not None:
        return inside
    if name in ("stack", "array", "asarray", "cat", "concatenate") and args and isinstance(args[0], ast.ListComp):
        return _next(replace(value, node=args[0]), aim)
    if name in _SPLITS and aim == "choice":
        return None
    if name == "Subset" and aim == "choice" and len(args) > 1:
        return replace(value, node=args[1], path=())
    if name == "train_test_split" and path and isinstance(path[0], int):
        return replace(value, node=args[path[0] // 2], path=path[1:]) if path[0] // 2 < len(args) else None
    if name in PREPARING and len(args) == 1:
        return replace(value, node=args[0])
    if name in ("TensorDataset", "zip", *PREPARING) and args:
        first = path[0] if path and isinstance(path[0], int) else 0
        return replace(value, node=args[first], path=path[1:]) if first < len(args) else None
    if name == "enumerate" and args:
        return replace(value, node=args[0], path=path[1:])
    if name in ("random_split",) and args:
        return replace(value, node=args[0], path=path[1:])
    if name in _PASSING and args:
        return replace(value, node=args[0])
    if name not in _CONVERSIONS and not (aim == "scores" and name in ("masked_fill", "masked_fill_", "where")):
        return None
    method = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", None) not in _MODULES
    given = call.func.value if method and isinstance(call.func, ast.Attribute) else args[0] if args else None
    return replace(value, node=given) if isinstance(given, _PLAIN) else None


_PLAIN = (ast.Name, ast.Subscript, ast.Attribute, ast.Call, ast.ListComp)


def _selected(value: _Value, node: ast.Subscript, aim: Aim) -> _Value | None:
    index = node.slice
    if aim == "pairing" and any(isinstance(n, ast.Call) for n in ast.walk(index)):
        return None
    if aim in ("choice", "batch") and isinstance(index, ast.Name):
        chosen = _bound(replace(value, path=()), index.id)
        if chosen is not None and _in_loop(chosen) == (aim == "batch"):
            return chosen if aim == "choice" else replace(chosen, node=ast.Constant(None))
    sliced = any(isinstance(n, ast.Slice) for n in ast.walk(index))
    if sliced and aim in ("choice", "batch") and _in_loop(value) == (aim == "batch"):
        return None
    constant = index.value if isinstance(index, ast.Constant) else None
    path = (constant, *value.path) if isinstance(constant, int | str) else value.path
    return replace(value, node=node.value, path=path)


def _in_loop(value: _Value) -> bool:
    return any(inside and getattr(n, "lineno", 0) == value.line for n, inside in _statements(value.scope.node))


def _attribute(value: _Value, node: ast.Attribute) -> _Value | None:
    """`self.images` of a data set: the last assignment to it in its constructor."""
    scope = value.scope
    if scope.owner is None or getattr(node.value, "id", None) != "self":
        return replace(value, node=node.value, path=()) if isinstance(node.value, ast.Name) else None
    maker = _method(scope.owner, "__init__")
    found = [s for n, _ in _statements(maker) for s in _sets(n, node.attr)] if maker is not None else []
    if maker is None or not found or (scope.node is maker and found[-1][0] >= value.line):
        return None
    line, given, path = found[-1]
    return _Value(given, replace(scope, node=maker, above=line), line, (*path, *value.path))


def _sets(node: ast.AST, attribute: str) -> Iterator[tuple[int, ast.expr, Path]]:
    """Line, value, and part of it, where a statement sets an attribute."""
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        if getattr(target, "attr", None) == attribute:
            yield node.lineno, node.value, ()
        several = target.elts if isinstance(target, ast.Tuple) else ()
        positions = (i for i, t in enumerate(several) if getattr(t, "attr", "") == attribute)
        yield from ((node.lineno, node.value, (i,)) for i in positions)


def _called_inside(value: _Value, call: ast.Call) -> _Value | None:
    """What a function of the same file gives back, or a data set of the same file for a sample."""
    tree = tree_of(value.scope.file)
    name = call.func.id if isinstance(call.func, ast.Name) else None
    for node in ast.walk(tree) if tree is not None and name else ():
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            owner = node if isinstance(node, ast.ClassDef) else None
            function = _method(owner, "__getitem__") if owner is not None else node
            given = list(_given_back(function)) if isinstance(function, ast.FunctionDef) else []
            if not given or function is None:
                return None
            scope = _Scope(function, value.scope.file, given[-1].lineno, None, call, value.scope, owner)
            return _Value(given[-1].value, scope, given[-1].lineno, value.path)
    return None


def _method(owner: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((n for n in owner.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def _given_back(function: ast.FunctionDef) -> Iterator[ast.Return | ast.Yield]:
    for node, _ in _statements(function):
        if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
            yield node


def _bound(value: _Value, name: str) -> _Value | None:
    """The last assignment to a name; else what the caller gave for it; else that of the module."""
    scope = value.scope
    for line, given, path, target_line in sorted(_assignments(scope, name), key=lambda a: -a[0]):
        if line < scope.above or (line == scope.above and target_line):
            if isinstance(given, ast.Tuple) and path and isinstance(path[0], int) and path[0] < len(given.elts):
                given, path = given.elts[path[0]], path[1:]
            empty = isinstance(given, ast.List) and not given.elts
            grown = _appended(scope, name) if empty else None
            if grown is not None:
                # The first part of the path says which element of the list is meant.
                return replace(grown, path=(*path, *value.path)[1:])
            return _Value(given, replace(scope, above=line), line, (*path, *value.path))
    handed = _handed(scope, name)
    if handed is not None:
        return replace(handed, path=value.path)
    if isinstance(scope.node, ast.Module):
        return None
    frame = _running(scope)
    module = _module_frame(frame) if frame is not None else None
    tree = tree_of(scope.file)
    if tree is None:
        return None
    above = module.f_lineno if module is not None else _END
    return _bound(replace(value, scope=_Scope(tree, scope.file, above, module)), name)


def _running(scope: _Scope) -> FrameType | None:
    inner: _Scope | None = scope
    while inner is not None and inner.frame is None:
        inner = inner.outer
    return inner.frame if inner is not None else None


def _assignments(scope: _Scope, name: str) -> Iterator[tuple[int, ast.expr, Path, bool]]:
    """Line, value, part of it, and whether it is the head of a loop."""
    for node, _ in _statements(scope.node):
        loops = ((c, _part_of(c.target, name)) for c in comprehension_at(node, scope.above))
        yield from ((c.iter.lineno, c.iter, path, True) for c, path in loops if path is not None)
        if isinstance(node, ast.Assign):
            targets, given = node.targets, node.value
        elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
            targets, given = [node.target], node.value
        elif isinstance(node, ast.AugAssign):
            targets, given = [node.target], ast.BinOp(node.target, node.op, node.value)
        elif isinstance(node, _LOOPS):
            targets, given = [node.target], node.iter
        else:
            continue
        for target in targets:
            path = _part_of(target, name)
            if path is not None and not isinstance(target, ast.Subscript | ast.Attribute):
                yield node.lineno, given, path, isinstance(node, _LOOPS)


def _part_of(target: ast.expr, name: str) -> Path | None:
    if isinstance(target, ast.Tuple | ast.List):
        return next(((i, *(_part_of(t, name) or ())) for i, t in enumerate(target.elts) if _has(t, name)), None)
    return () if isinstance(target, ast.Name) and target.id == name else None


def _appended(scope: _Scope, name: str) -> _Value | None:
    for node, _ in _statements(scope.node):
        owner = getattr(node.func, "value", None) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and _called(node) == "append" and getattr(owner, "id", None) == name:
            # A list of loaders is led through; of rows, this is where each is put together.
            given = next((a for a in node.args if isinstance(a, ast.Call) and _called(a) in _PASSING), None)
            return _Value(given or ast.Constant(None), replace(scope, above=node.lineno), node.lineno)
    return None


def _handed(scope: _Scope, name: str) -> _Value | None:
    """What the caller gave for a parameter."""
    frame, arguments = scope.frame, getattr(scope.node, "args", None)
    if not isinstance(arguments, ast.arguments):
        return None
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    if name not in (*names, *(a.arg for a in arguments.kwonlyargs)):
        return None
    position = names.index(name) - (names[:1] in (["self"], ["cls"])) if name in names else -1
    if frame is None:
        call, outer = scope.call, scope.outer
    else:
        above = caller(frame)
        call = call_at(above) if above is not None else None
        above = enclosing(above) if above is not None else None
        node = _scope(above.f_code) if above is not None else None
        outer = _Scope(node, above.f_code.co_filename, above.f_lineno, above) if above and node is not None else None
    given = (argument_of(call, name) or argument_of(call, position)) if call is not None else None
    return _Value(given, outer, given.lineno) if given is not None and outer is not None else None


def _is_raw(node: ast.expr) -> bool:
    if isinstance(node, ast.Name):
        return True  # a parameter whose value could not be followed
    if not isinstance(node, ast.Call) or _called(node) in _CONVERSIONS:
        return False
    return isinstance(node.func, ast.Name) or _called(node).startswith(_RAW)
