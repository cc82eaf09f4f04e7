"""Reading the user's source: where a value that is used on a line was put together."""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FrameType
from typing import Any

# Assignments that are followed back at most, so that no circle can be run through for ever.
MAX_STEPS = 12
# In place of an argument: the object whose method is called.
RECEIVER = "."
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_CONVERSIONS = (
    "tensor", "as_tensor", "asarray", "array", "from_numpy", "Tensor", "FloatTensor", "LongTensor", "float", "double",
    "to", "cuda", "long", "reshape", "view", "contiguous", "clone", "copy", "astype", "unsqueeze", "squeeze", "numpy",
    "requires_grad_", "float32", "clamp", "clip", "flatten", "permute", "transpose", "pin_memory", "half", "detach",
)  # fmt: skip
# Calls of their functions take their data from the first argument; a method takes them from its object.
_MODULES = ("torch", "np", "numpy", "nn", "F", "functional", "pd", "itertools", "utils", "data")
# Methods of accelerate and of Lightning Fabric that hand back what they are given, wrapped.
PREPARING = ("prepare", "prepare_data_loader", "setup", "setup_dataloaders")
_COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")  # frames of their own before Python 3.12
Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_PASSING_ON = ("torch.", "netvet.")  # modules of which calls on the way are skipped
_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Binding:
    """A line that gives a name its value.

    Args:
        value: the expression on its right; None where there is none to follow.
        in_loop: it is run again and again: glue, not the origin.
        shared: it gives several names their values at once, from one call (a split).
        wraps: what it gives back is what it is given.
    """

    line: int
    value: ast.expr | None
    in_loop: bool
    shared: bool
    wraps: bool = False


@lru_cache(maxsize=100)
def tree_of(file: str) -> ast.Module | None:
    """The syntax tree of a file; None where it cannot be read."""
    try:
        return ast.parse(_text_of(file))
    except (OSError, SyntaxError, ValueError):
        return None


def _text_of(file: str) -> str:
    if file in linecache.cache and not os.path.isfile(file):
        return "".join(linecache.getlines(file))  # a cell of a notebook
    with open(file, encoding="utf-8") as stream:
        return stream.read()


def argument_origins(frame: FrameType, position: int | str) -> Iterator[tuple[str, int]]:
    """File and line of what was handed over by the call that a frame is at, back to where it was made.

    The last one is the origin: the first assignment that is neither repeated in a loop nor only hands a value on.
    """
    call = call_at(frame)
    if call is None:
        return
    yield from _follow(enclosing(frame), argument_of(call, position))


def enclosing(frame: FrameType) -> FrameType:
    """The frame of the function or module that a comprehension stands in."""
    while frame.f_code.co_name in _COMPREHENSIONS and frame.f_back is not None:
        frame = frame.f_back
    return frame


def comprehension_at(node: ast.AST, line: int) -> list[ast.comprehension]:
    """The loops of a comprehension, if it stands on this line: its names are known nowhere else."""
    here = isinstance(node, Comprehension) and node.lineno <= line <= (node.end_lineno or 0)
    return node.generators if here and isinstance(node, Comprehension) else []


def argument_of(call: ast.Call, position: int | str) -> ast.expr | None:
    """The expression that a call is given at a position or by a name; at RECEIVER what its method belongs to."""
    if position == RECEIVER:
        return call.func.value if isinstance(call.func, ast.Attribute) else None
    if isinstance(position, int):
        return call.args[position] if 0 <= position < len(call.args) else None
    return next((k.value for k in call.keywords if k.arg == position), None)


@lru_cache(maxsize=100)
def leaving_line(code: CodeType, line: int) -> int | None:
    """The return or break that leaves the loop around a line of a function, below that line."""
    around = _loops_around(code, line)
    if not around:
        return None
    inner = max(around, key=lambda n: n.lineno)
    found = [n.lineno for n, _ in _statements(inner) if isinstance(n, ast.Return | ast.Break)]
    return min((n for n in found if n > line), default=None)


def loop_line(code: CodeType, line: int) -> int | None:
    """The outermost loop around a line of a function."""
    return min((n.lineno for n in _loops_around(code, line)), default=None)


def _loops_around(code: CodeType, line: int) -> list[ast.For | ast.AsyncFor | ast.While]:
    scope = _scope(code)
    loops = [n for n, _ in _statements(scope) if isinstance(n, _LOOPS)] if scope is not None else []
    return [n for n in loops if n.lineno <= line <= (n.end_lineno or 0)]


def growing_line(frame: FrameType, name: str) -> int | None:
    """The line that adds to what a name holds: `total += loss`, `history.append(loss)`."""
    scope = _scope(frame.f_code)
    for node, in_loop in _statements(scope) if scope is not None else ():
        target: ast.expr | None = node.target if isinstance(node, ast.AugAssign) else None
        if isinstance(node, ast.Call) and _called(node) in ("append", "extend", "insert", "add"):
            target = node.func
        if isinstance(node, ast.Assign) and any(_has(t, name) for t in node.targets) and _has(node.value, name):
            target = node.targets[0]
        if in_loop and target is not None and _root(target) == name:
            return int(getattr(node, "lineno", 0)) or None
    return None


def keeping_line(file: str, name: str, attribute: str) -> int | None:
    """The line in a class that first sets an attribute of its objects."""
    tree = tree_of(file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.ClassDef) and node.name == name:
            found = [n for n in ast.walk(node) if isinstance(n, ast.Assign | ast.AnnAssign)]
            targets = ((n, t) for n in found for t in (n.targets if isinstance(n, ast.Assign) else [n.target]))
            return min((n.lineno for n, t in targets if _is_own(t, attribute)), default=None)
    return None


def _is_own(target: ast.expr, attribute: str) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == attribute and getattr(target.value, "id", "") == "self"


def freezing_lines(file: str) -> list[int]:
    """The lines of a file that set the attribute `requires_grad` to False."""
    tree, found = tree_of(file), set[int]()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is False:
            found |= {node.lineno for t in node.targets if getattr(t, "attr", None) == "requires_grad"}
    return sorted(found)


def uncalled_line(file: str, method: str) -> int | None:
    """The line of a file that names a method as a statement and does not call it: `optimizer.zero_grad`."""
    tree = tree_of(file)
    named = (n.value for n in ast.walk(tree) if isinstance(n, ast.Expr)) if tree is not None else ()
    return next((v.lineno for v in named if isinstance(v, ast.Attribute) and v.attr == method), None)


def changing_line(file: str, line: int) -> int | None:
    """The first line of the function that begins at a line which changes something in place."""
    tree = tree_of(file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, _Function) and node.lineno == line:
            return min((int(n.lineno) for n in _inside(node) if _changes(n)), default=None)
    return None


def _inside(function: ast.AST) -> Iterator[Any]:
    return (n for n, _ in _statements(function) if hasattr(n, "lineno"))


def _changes(node: Any) -> bool:
    if isinstance(node, ast.AugAssign):
        counts = isinstance(node.op, ast.Add | ast.Sub) and isinstance(node.value, ast.Constant)
        return isinstance(node.target, ast.Subscript) or not counts
    if isinstance(node, ast.Assign):
        return any(isinstance(t, ast.Subscript) for t in node.targets)
    if not isinstance(node, ast.Call):
        return False
    name = _called(node)
    return (name.endswith("_") and not name.startswith("_")) or any(k.arg == "out" for k in node.keywords)


def _follow(frame: FrameType | None, value: ast.expr | None) -> Iterator[tuple[str, int]]:
    above, seen = frame.f_lineno if frame is not None else 0, set[int]()
    own = False
    for _ in range(MAX_STEPS):
        name = _root(value)
        if frame is None or name is None:
            return
        bound = _binding(frame, name, above, seen)
        if bound is not None:
            if bound.shared and own and not bound.in_loop:
                return  # the line of its own, where it was given another type, says more
            yield frame.f_code.co_filename, bound.line
            own = not bound.in_loop
            if not bound.in_loop and not bound.wraps and not _hands_on(bound.value):
                return
            seen.add(bound.line)
            value, above = bound.value, above if bound.in_loop else bound.line
        elif name in frame.f_code.co_varnames[: frame.f_code.co_argcount + frame.f_code.co_kwonlyargcount]:
            value, above_it = _handed_over(frame, name), caller(frame)
            frame = enclosing(above_it) if above_it is not None else None
            above, seen = frame.f_lineno if frame is not None else 0, set()
        elif frame.f_code.co_name != "<module>":
            frame = _module_frame(frame)
            above, seen = frame.f_lineno if frame is not None else 0, set()
        else:
            return


def _hands_on(value: ast.expr | None) -> bool:
    """A loader, or the same values in another type: what is in it comes from elsewhere."""
    if not isinstance(value, ast.Call):
        return False
    called = _called(value)
    return called.endswith("DataLoader") or (called in _CONVERSIONS and _root(value) is not None)


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _root(value: Any) -> str | None:
    """The name from which an expression takes its data: `x` of `x[i].to(device)`, `zip(x, y)` or `f(x) / 255`."""
    while value is not None:
        if isinstance(value, ast.Name):
            return value.id
        if isinstance(value, ast.Subscript | ast.Attribute | ast.Starred | ast.Await):
            value = value.value
        elif isinstance(value, ast.Call):
            method = isinstance(value.func, ast.Attribute) and _root(value.func) not in _MODULES
            value = value.func if method else value.args[0] if value.args else None
        elif isinstance(value, ast.BinOp):
            value = value.left if _root(value.left) else value.right
        elif isinstance(value, ast.UnaryOp):
            value = value.operand
        elif isinstance(value, ast.Tuple | ast.List) and value.elts:
            value = value.elts[0]
        else:
            return None
    return None


def _scope(code: CodeType) -> ast.AST | None:
    tree = tree_of(code.co_filename)
    return tree if tree is None or code.co_name == "<module>" else _definition(tree, code)


def _definition(tree: ast.AST, code: CodeType) -> ast.AST | None:
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            if first == code.co_firstlineno and getattr(node, "name", "<lambda>") == code.co_name:
                return node
    return None


def _statements(node: ast.AST, *, in_loop: bool = False) -> Iterator[tuple[ast.AST, bool]]:
    """Everything in a scope that is not in a function within it, and whether a loop repeats it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function | ast.ClassDef):
            continue
        yield child, in_loop or isinstance(child, _LOOPS)
        yield from _statements(child, in_loop=in_loop or isinstance(child, _LOOPS))


def _binding(frame: FrameType, name: str, above: int, seen: set[int]) -> Binding | None:
    """The last assignment to a name above a line (on it: the head of a loop), apart from those seen already."""
    scope = _scope(frame.f_code)
    if scope is None:
        return None
    found = [b for n, loops in _statements(scope) if (b := _assigned(n, name, in_loop=loops)) is not None]
    inner = (c for n, _ in _statements(scope) for c in comprehension_at(n, above) if _has(c.target, name))
    found += [Binding(c.iter.lineno, _part(c.target, c.iter, name), True, False) for c in inner]
    earlier = [b for b in found if b.line not in seen and (b.line < above or (b.line == above and b.in_loop))]
    return max(earlier, key=lambda b: b.line, default=None)


def _assigned(node: ast.AST, name: str, *, in_loop: bool) -> Binding | None:
    if isinstance(node, ast.Assign):
        targets, value = node.targets, node.value
    elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        targets, value = [node.target], node.value or ast.Constant(None)
    elif isinstance(node, ast.For | ast.AsyncFor):
        targets, value = [node.target], node.iter
    else:
        return None
    for target in targets:
        if any(isinstance(t, ast.Name) and t.id == name for t in ast.walk(target)):
            part, shared = _part(target, value, name), isinstance(target, ast.Tuple)
            return Binding(node.lineno, part, in_loop, shared and part is value, _is_preparing(value))
    return None


def _part(target: ast.expr, value: ast.expr, name: str) -> ast.expr:
    """The right side that belongs to one of several names on the left, where the two sides match."""
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return next(v for t, v in zip(target.elts, value.elts, strict=True) if _has(t, name))
    by_one = isinstance(value, ast.Call) and (_called(value) == "zip" or _is_preparing(value))
    if by_one and isinstance(target, ast.Tuple) and isinstance(value, ast.Call) and len(target.elts) == len(value.args):
        return next(v for t, v in zip(target.elts, value.args, strict=True) if _has(t, name))
    return value.args[0] if isinstance(value, ast.Call) and _is_preparing(value) else value


def _is_preparing(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Call) and _called(value) in PREPARING and bool(value.args)


def _has(target: ast.AST, name: str) -> bool:
    return any(isinstance(n, ast.Name) and n.id == name for n in ast.walk(target))


def call_at(frame: FrameType) -> ast.Call | None:
    """The call that a frame waits for."""
    inside = frame.f_code.co_name in _COMPREHENSIONS
    scope = tree_of(frame.f_code.co_filename) if inside else _scope(frame.f_code)
    positions = getattr(frame.f_code, "co_positions", None)
    if scope is None or positions is None:  # before Python 3.11
        return None
    here = next((p for i, p in enumerate(positions()) if i == frame.f_lasti // 2), None)
    for node in ast.walk(scope):
        if isinstance(node, ast.Call) and here == (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset):
            return node
    return None


def caller(frame: FrameType) -> FrameType | None:
    """The frame of the call that a frame's function answers, behind PyTorch's own that only hand arguments on.

    They are those of a module's call and of decorators such as `torch.no_grad()`.
    """
    above, passed = frame.f_back, False
    while above is not None and str(above.f_globals.get("__name__")).startswith(_PASSING_ON):
        above, passed = above.f_back, True
    call = call_at(above) if above is not None and passed else None
    if above is None or (passed and (call is None or frame.f_code.co_name not in (_called(call), "forward"))):
        return None
    return above


def _handed_over(frame: FrameType, name: str) -> ast.expr | None:
    """What the caller gave for a parameter."""
    above = caller(frame)
    call = call_at(above) if above is not None else None
    if call is None:
        return None
    by_name = next((k.value for k in call.keywords if k.arg == name), None)
    position = frame.f_code.co_varnames.index(name)
    position -= frame.f_code.co_varnames[:1] in (("self",), ("cls",))
    return by_name or (call.args[position] if 0 <= position < len(call.args) else None)


def _module_frame(frame: FrameType) -> FrameType | None:
    above: FrameType | None = frame.f_back
    while above is not None:
        if above.f_code.co_name == "<module>" and above.f_globals is frame.f_globals:
            return above
        above = above.f_back
    return None
