"""Which variables hold the samples that enter a call: read off the source, from the call backwards."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from netvet.fixes.program import argument
from netvet.fixes.source import SourceFile, Statement, called, inside

# What leaves the numbers as they are, and what only gives a sample another form.
_SAME = {
    "float", "double", "to", "cuda", "cpu", "clone", "copy", "contiguous", "detach", "astype", "type", "requires_grad_",
    "pin_memory", "numpy", "split", "chunk", "index_select",
}  # fmt: skip
_FORMED = {"view", "reshape", "flatten", "unsqueeze", "squeeze", "permute", "transpose", "expand_dims", "ravel"}
_MADE = {"tensor", "as_tensor", "from_numpy", "FloatTensor", "Tensor", "asarray", "array", "float32", "list", "tuple"}
# What draws or converts indices: of `torch.from_numpy(rng.permutation(rows))` it is `rows` that are drawn from.
_DRAWS = {
    "permutation", "shuffle", "tensor", "as_tensor", "from_numpy", "asarray", "array", "split", "array_split", "chunk",
    "to",
}  # fmt: skip
# Steps of calls within calls; deeper than any program, and a bound where functions call themselves.
DEEPEST = 12

Scope = cst.FunctionDef | None
Loop = cst.For | cst.CompFor
Stack = tuple[cst.Call, ...]


@dataclass(frozen=True)
class Step:
    """A variable that holds samples on the way to a call.

    Attributes:
        made: the statement that gave it its value; `rows`: what it is indexed with on the way, if it is.
        formed: the samples get another form after it; `cast`: as a tensor, another type.
    """

    name: str
    scope: Scope
    made: Statement
    rows: cst.BaseSlice | None
    formed: bool
    cast: bool


@dataclass(frozen=True)
class Path:
    """One way of samples to a call.

    Attributes:
        steps: variables, that nearest to the call first.
        uses: names that were gone through; `loader`: the DataLoader that it leads through.
    """

    steps: tuple[Step, ...] = ()
    uses: tuple[cst.Name, ...] = ()
    loader: cst.Call | None = None
    rows: cst.BaseSlice | None = None
    formed: bool = False
    cast: bool = False
    length: int = 0

    def but(self, **changed: object) -> Path:
        """The same with other fields, one step longer."""
        return dataclasses.replace(self, length=self.length + 1, **changed)  # type: ignore[arg-type]


class Tracer:
    """Follows expressions of one file to the variables that they come from. What it cannot read ends a way."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self._functions: dict[str, list[cst.FunctionDef]] = {}
        for one in file.nodes(cst.FunctionDef):
            self._functions.setdefault(one.name.value, []).append(one)

    def array(self, node: cst.BaseExpression, path: Path | None = None, stack: Stack = ()) -> Iterator[Path]:
        """The ways to an expression that holds samples."""
        path = path or Path()
        if path.length > DEEPEST:
            yield path
        elif isinstance(node, cst.Name):
            yield from self._name(node, path.but(uses=(*path.uses, node)), stack)
        elif isinstance(node, cst.Subscript):
            one = node.slice[0].slice if len(node.slice) == 1 else None
            plain = one if not _is_none(one) else None
            rows = plain if path.rows is None else path.rows
            yield from self.array(node.value, path.but(rows=rows, formed=path.formed or plain is None), stack)
        elif isinstance(node, cst.Call):
            yield from self._call(node, path, stack)
        elif isinstance(node, cst.Attribute) and (value := self._stored(node)) is not None:
            yield from self.array(value, path.but(rows=None), stack)
        else:
            yield path

    def _call(self, node: cst.Call, path: Path, stack: Stack) -> Iterator[Path]:
        name, function = called(node), node.func
        typed = any(word in self.file.code(a.value) for a in node.args for word in ("float", "double", "type"))
        cast = path.cast or name in ("float", "double", "type") or (name == "to" and typed)
        if name in _MADE and node.args:  # what enters is no tensor yet
            yield from self.array(node.args[0].value, path.but(cast=False), stack)
        elif isinstance(function, cst.Attribute) and name in _SAME | _FORMED:
            yield from self.array(function.value, path.but(cast=cast, formed=path.formed or name in _FORMED), stack)
        elif isinstance(function, cst.Name) and (result := self._result(name)) is not None:
            yield from self.array(result, path.but(), (*stack, node))
        else:
            yield path

    def _result(self, name: str) -> cst.BaseExpression | None:
        """What a function of the file returns, where it is one expression."""
        found = self._functions.get(name, [])
        returns = list(inside(found[0].body, cst.Return)) if len(found) == 1 else []
        mine = [r for r in returns if self.file.function(r) is found[0]]
        return mine[0].value if len(mine) == 1 else None

    def _name(self, node: cst.Name, path: Path, stack: Stack) -> Iterator[Path]:
        scope = self.file.function(node)
        while True:
            bound = self._binding(node, scope)
            if bound is not None:
                yield from self._bound(node, scope, bound, path, stack)
                return
            if scope is None:
                yield path
                return
            if (position := _parameter(scope, node.value)) is not None:
                for value, rest in self._given(scope, node.value, position, stack):
                    yield from self.array(value, path, rest)
                return
            scope = self.file.function(scope)

    def _bound(
        self, node: cst.Name, scope: Scope, bound: Loop | cst.Assign, path: Path, stack: Stack
    ) -> Iterator[Path]:
        if isinstance(bound, (cst.For, cst.CompFor)):
            yield from self._iterated(bound, node.value, path, stack)
            return
        statement = self._settled(node, scope, bound)
        if not any(self.file.function(o) is scope for o in self.file.around(bound, cst.For, cst.While)):
            step = Step(node.value, scope, statement, path.rows, path.formed, path.cast)
            path = path.but(steps=(*path.steps, step), rows=None)
        value, given = _element(bound, node.value), bound.value
        if value is not None:
            yield from self.array(value, path, stack)
            return
        loop = self._binding(given, scope) if isinstance(given, cst.Name) else None
        part = _part(bound.targets[0].target, node.value)
        if isinstance(loop, (cst.For, cst.CompFor)) and isinstance(_drawn(loop)[0], cst.Name) and part is not None:
            yield from self._loaded(_drawn(loop)[1], part, path.but(), stack)  # `for batch in loader: x, y = batch`
        else:
            yield path

    def _settled(self, node: cst.Name, scope: Scope, bound: cst.Assign) -> Statement:
        """The last statement before a use that gives a variable its value: `x /= 255` behind `x = load()`."""
        line, found = self.file.line(node), self.file.statement_of(bound)
        for one in self.file.nodes(cst.AugAssign):
            same = self.file.function(one) is scope and _bound_by(one.target, node.value)
            if same and self.file.line(found) < self.file.line(one) < line:
                found = self.file.statement_of(one)
        return found

    def _given(
        self, function: cst.FunctionDef, name: str, position: int, stack: Stack
    ) -> Iterator[tuple[cst.BaseExpression, Stack]]:
        """What a parameter is given: by the call that was gone through, else by all calls of the function."""
        owner = next(self.file.around(function, cst.ClassDef), None)
        method = owner is not None and _parameter(function, "self") == 0
        wanted = owner.name.value if owner is not None and function.name.value == "__init__" else function.name.value
        while stack and called(stack[-1]) != wanted:
            stack = stack[:-1]
        for call in list(stack[-1:]) or self._calls(wanted, method and wanted == function.name.value):
            value = argument(call, name, position - 1 if method else position)
            if value is not None:
                yield value.value, stack[:-1]

    def _calls(self, name: str, method: bool) -> list[cst.Call]:
        """All calls of a function of the file, or of a method that has a name of its own."""
        if method and len(self._functions.get(name, ())) != 1:
            return []
        found = [c for c in self.file.nodes(cst.Call) if called(c) == name and not any(a.star for a in c.args)]
        return [c for c in found if isinstance(c.func, cst.Attribute if method else cst.Name)]

    def _stored(self, node: cst.Attribute) -> cst.BaseExpression | None:
        """What a class is given for `self.x`, where it is set once."""
        owner = next(self.file.around(node, cst.ClassDef), None)
        if owner is None or not isinstance(node.value, cst.Name) or node.value.value != "self":
            return None
        code = self.file.code(node)
        values = [
            value for a in inside(owner, cst.Assign) for t in a.targets
            for target, value in _pairs(t.target, a.value) if self.file.code(target) == code
        ]  # fmt: skip
        return values[0] if len(values) == 1 else None

    def _item(self, call: cst.Call, part: int) -> cst.BaseExpression | None:
        """A part of the samples of a data set whose class is in the file."""
        for owner in self.file.nodes(cst.ClassDef):
            if not isinstance(call.func, cst.Name) or owner.name.value != call.func.value:
                continue
            reading = [f for f in inside(owner.body, cst.FunctionDef) if f.name.value == "__getitem__"]
            returns = [r.value for f in reading for r in inside(f.body, cst.Return)]
            if len(returns) == 1 and isinstance(returns[0], cst.Tuple) and part < len(returns[0].elements):
                return returns[0].elements[part].value
        return None

    def _iterated(self, loop: Loop, name: str, path: Path, stack: Stack) -> Iterator[Path]:
        """Batches of a loop: parts of a loader, or of arrays that were split."""
        target, source = _drawn(loop)
        part = _part(target, name)
        if isinstance(source, cst.Call) and called(source) == "zip" and part is not None and part < len(source.args):
            yield from self.array(source.args[part].value, path.but(), stack)
        elif isinstance(target, cst.Name) and isinstance(source, cst.Call) and called(source) in ("split", "chunk"):
            yield from self.array(source, path.but(), stack)
        elif part is not None:
            yield from self._loaded(source, part, path.but(), stack)
        else:
            yield path

    def _loaded(self, node: cst.BaseExpression, part: int, path: Path, stack: Stack) -> Iterator[Path]:
        """The part of what a loader or data set gives."""
        for found, rest, uses in self.source(node, stack):
            now = path.but(uses=(*path.uses, *uses))
            if isinstance(found, cst.Call) and called(found) == "DataLoader":
                given = argument(found, "dataset", 0)
                if given is not None and argument(found, "collate_fn") is None:
                    yield from self._loaded(given.value, part, now.but(loader=found), rest)
                    continue
            elif isinstance(found, cst.Call) and called(found) == "TensorDataset" and part < len(found.args):
                yield from self.array(found.args[part].value, now, rest)
                continue
            elif isinstance(found, cst.Call) and (item := self._item(found, part)) is not None:
                yield from self.array(item, now, (*rest, found))
                continue
            yield now

    def source(
        self, node: cst.BaseExpression, stack: Stack = (), uses: tuple[cst.Name, ...] = (), depth: int = 0
    ) -> Iterator[tuple[cst.BaseExpression, Stack, tuple[cst.Name, ...]]]:
        """The calls that made an object, through variables, parameters and results of functions of the file."""
        if depth > DEEPEST:
            return
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
            result = self._result(node.func.value)
            if result is not None:
                yield from self.source(result, (*stack, node), uses, depth + 1)
                return
        if not isinstance(node, cst.Name):
            yield node, stack, uses
            return
        scope = self.file.function(node)
        while True:
            bound = self._binding(node, scope)
            if isinstance(bound, cst.Assign):
                yield from self._assigned(bound, node, stack, (*uses, node), depth)
                return
            if scope is None or bound is not None:
                yield node, stack, uses
                return
            if (position := _parameter(scope, node.value)) is not None:
                for value, rest in self._given(scope, node.value, position, stack):
                    yield from self.source(value, rest, (*uses, node), depth + 1)
                return
            scope = self.file.function(scope)

    def _assigned(
        self, bound: cst.Assign, node: cst.Name, stack: Stack, uses: tuple[cst.Name, ...], depth: int
    ) -> Iterator[tuple[cst.BaseExpression, Stack, tuple[cst.Name, ...]]]:
        """The value of a variable; of several that a function returns, the right one."""
        value = _element(bound, node.value)
        if value is None and isinstance(bound.value, cst.Call) and isinstance(bound.value.func, cst.Name):
            result, part = self._result(bound.value.func.value), _part(bound.targets[0].target, node.value)
            if isinstance(result, cst.Tuple) and part is not None and part < len(result.elements):
                yield from self.source(result.elements[part].value, (*stack, bound.value), uses, depth + 1)
                return
        yield from self.source(value, stack, uses, depth + 1) if value is not None else ((node, stack, uses),)

    def _binding(self, node: cst.Name, scope: Scope) -> Loop | cst.Assign | None:
        """The loop or assignment that gives a name its value in a function: the last before it."""
        name, line = node.value, self.file.line(node)
        for comprehension in self.file.around(node, cst.ListComp, cst.GeneratorExp, cst.SetComp):
            loop = comprehension.for_in
            if _bound_by(loop.target, name) and not any(n is node for n in inside(loop.iter, cst.Name)):
                return loop
        every: list[cst.For | cst.Assign] = [
            loop for loop in self.file.nodes(cst.For)
            if _bound_by(loop.target, name) and not any(n is node for n in inside(loop.iter, cst.Name))
        ]  # fmt: skip
        every += [
            one for one in self.file.nodes(cst.Assign)
            if any(_bound_by(t.target, name) for t in one.targets) and not any(n is node for n in inside(one, cst.Name))
        ]  # fmt: skip
        mine = sorted((one for one in every if self.file.function(one) is scope), key=self.file.line)
        if self.file.function(node) is not scope:
            return mine[-1] if mine else None
        before = [one for one in mine if self.file.line(one) <= line]
        return before[-1] if before else None

    def drawn_from(self, node: cst.CSTNode) -> cst.CSTNode:
        """Of indices that were drawn, shuffled and cut: those that they were drawn from."""
        for _ in range(DEEPEST):
            if isinstance(node, cst.Call) and called(node) in _DRAWS:
                method = isinstance(node.func, cst.Attribute) and called(node) in ("split", "chunk", "to")
                method = method and self.file.code(node.func) != "np.split"
                if not method and not node.args:
                    return node
                node = node.func.value if method and isinstance(node.func, cst.Attribute) else node.args[0].value
            elif isinstance(node, cst.Subscript):
                node = node.value
            elif isinstance(node, cst.Name):
                scope = self.file.function(node)
                bound = self._binding(node, scope)
                if bound is None and scope is not None and (at := _parameter(scope, node.value)) is not None:
                    given = list(self._given(scope, node.value, at, ()))
                    if len(given) != 1:
                        return node
                    node = given[0][0]
                elif isinstance(bound, (cst.For, cst.CompFor)) and isinstance(bound.target, cst.Name):
                    node = bound.iter
                elif isinstance(bound, cst.Assign) and _element(bound, node.value) is not None and self._loops(bound):
                    node = _element(bound, node.value) or node
                else:
                    return node
            else:
                return node
        return node

    def _loops(self, node: cst.CSTNode) -> bool:
        return any(True for _ in self.file.around(node, cst.For, cst.While))


def _parameter(function: cst.FunctionDef, name: str) -> int | None:
    names = [p.name.value for p in function.params.params]
    return names.index(name) if name in names else None


def _part(target: cst.BaseExpression, name: str) -> int | None:
    """At which place a target binds a name: 0 for the name alone."""
    if isinstance(target, (cst.Tuple, cst.List)):
        values = [e.value for e in target.elements]
        return next((i for i, v in enumerate(values) if isinstance(v, cst.Name) and v.value == name), None)
    return 0 if isinstance(target, cst.Name) and target.value == name else None


def _bound_by(target: cst.BaseExpression, name: str) -> bool:
    if isinstance(target, (cst.Tuple, cst.List)):
        return any(_bound_by(e.value, name) for e in target.elements)
    return isinstance(target, cst.Name) and target.value == name


def _element(bound: cst.Assign, name: str) -> cst.BaseExpression | None:
    """What an assignment gives a name; None where it takes a value apart that is not written out."""
    for one in bound.targets:
        part = _part(one.target, name)
        if part is None:
            continue
        if isinstance(one.target, cst.Name):
            return bound.value
        if isinstance(bound.value, (cst.Tuple, cst.List)) and part < len(bound.value.elements):
            return bound.value.elements[part].value
    return None


def _is_none(node: cst.CSTNode | None) -> bool:
    """`None` or `...` as an index: a new axis."""
    value = node.value if isinstance(node, cst.Index) else None
    return isinstance(value, cst.Ellipsis) or (isinstance(value, cst.Name) and value.value == "None")


def _drawn(loop: Loop) -> tuple[cst.BaseExpression, cst.BaseExpression]:
    """Target and source of a loop without `enumerate` and progress bars."""
    target: cst.BaseExpression = loop.target
    source = loop.iter
    while isinstance(source, cst.Call) and called(source) in ("enumerate", "tqdm", "list") and source.args:
        if called(source) == "enumerate" and isinstance(target, cst.Tuple):
            target = target.elements[1].value
        source = source.args[0].value
    return target, source


def _pairs(
    target: cst.BaseExpression, value: cst.BaseExpression
) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """Targets with their values: two of `a, b = c, d`."""
    if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple):
        yield from ((a.value, b.value) for a, b in zip(target.elements, value.elements, strict=False))
    else:
        yield target, value
