"""The figure that a program computes in every evaluation: under which name the loop of training knows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import libcst as cst

from netvet.fixes.loops import Loop, blocks, loops, names, target_of, within
from netvet.fixes.program import Program
from netvet.fixes.source import NotApplicable, SourceFile, called, inside

Kind = Literal["loss", "accuracy"]
Mark = tuple[str, int]
DEEP = 3  # functions between the loop and the line that computes the loss: run, evaluate, step
# Functions that compare labels by themselves.
COMPARING = ("eq", "accuracy_score")


@dataclass(frozen=True)
class Figure:
    """A variable that holds the figure of an evaluation.

    Args:
        made: the last statement that gives it its value; `call`: of the function that evaluates, if one does.
    """

    kind: Kind
    name: str
    file: SourceFile
    made: cst.Assign | cst.AugAssign
    call: cst.Call | None


class _Traced:
    """What comes from the lines that compute a figure: names in a part of a file, and functions that return it."""

    def __init__(self, kind: Kind, marks: set[Mark]) -> None:
        self.kind, self.marks = kind, marks
        self.makers: dict[str, int | None] = {}  # functions, and which of the values that they return it is

    def holds(self, file: SourceFile, node: cst.BaseExpression, known: set[str]) -> bool:
        """An expression depends on the figure."""
        calls = list(inside(node, cst.Call))
        if any(called(c) in self.makers for c in calls) or names(node) & known:
            return True
        equal = [
            c for c in inside(node, cst.Comparison) if any(isinstance(t.operator, cst.Equal) for t in c.comparisons)
        ]
        compares = [*equal, *(c for c in calls if called(c) in COMPARING)]
        found = compares if self.kind == "accuracy" else [] if compares else calls
        return any((file.path, file.line(one)) in self.marks for one in found)

    def known(
        self, file: SourceFile, body: cst.CSTNode
    ) -> tuple[set[str], list[tuple[str, cst.Assign | cst.AugAssign]]]:
        """Names in a part of a file that hold it, and the statements that give it to them, in order."""
        known: set[str] = set()
        found: list[tuple[str, cst.Assign | cst.AugAssign]] = []
        for one in within(body):
            if isinstance(one, (cst.Assign, cst.AugAssign)):
                for target, value in self._pairs(one):
                    if isinstance(target, cst.Name) and self.holds(file, value, known):
                        known.add(target.value)
                        found.append((target.value, one))
            elif isinstance(one, cst.Call) and called(one) == "append" and isinstance(one.func, cst.Attribute):
                into = one.func.value
                kept = isinstance(into, cst.Name) and any(self.holds(file, a.value, known) for a in one.args)
                known |= {into.value} if kept and isinstance(into, cst.Name) else set()
        return known, found

    def _pairs(self, one: cst.Assign | cst.AugAssign) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
        """Targets that may get the figure, each with what it is made of."""
        target = one.target if isinstance(one, cst.AugAssign) else one.targets[0].target
        if not isinstance(target, cst.Tuple):
            if isinstance(one.value, cst.Call) and self.makers.get(called(one.value)) is not None:
                return  # all values of a function, under one name
            yield target, one.value
        elif isinstance(one.value, cst.Tuple) and len(one.value.elements) == len(target.elements):
            for left, right in zip(target.elements, one.value.elements, strict=True):
                yield left.value, right.value
        elif isinstance(one.value, cst.Call):
            at = self.makers.get(called(one.value))
            if at is not None and at < len(target.elements):
                yield target.elements[at].value, one.value

    def add_function(self, file: SourceFile, function: cst.FunctionDef) -> None:
        """It returns the figure, alone or beside other values.

        Raises:
            NotApplicable: it returns it in another way.
        """
        known, _ = self.known(file, function.body)
        for one in within(function.body):
            if not isinstance(one, cst.Return) or one.value is None:
                continue
            several = [e.value for e in one.value.elements] if isinstance(one.value, cst.Tuple) else [one.value]
            held = [i for i, value in enumerate(several) if self.holds(file, value, known)]
            if len(held) == 1 and not isinstance(one.value, cst.Dict):
                self.makers[function.name.value] = held[0] if len(several) > 1 else None
                return
        raise NotApplicable(f"{function.name.value} does not return the {self.kind} of the evaluation")


def figure(program: Program, kind: Kind) -> Figure:
    """The variable of the loop of training that holds the loss or the accuracy of each evaluation.

    Raises:
        NotApplicable: there is none, or several.
    """
    traced = _Traced(kind, _marks(program, kind))
    file, loop = program.training_loop()
    (path, line), *others = sorted(traced.marks)
    if others:
        raise NotApplicable(f"the {kind} is computed at several places, and which is meant is not known")
    place, node = program.sources.file(path), None
    for one in place.at(line, cst.Call):
        node = node or one
    if node is None:
        raise NotApplicable(f"the line that computes the {kind} is not found")
    _climb(traced, file, loop, place, node)
    _, made = traced.known(file, loop.body)
    return _chosen(program, traced, file, loop, made)


def _marks(program: Program, kind: Kind) -> set[Mark]:
    if kind == "loss":
        found = [r for r in program.facts("losses") if r.get("phase") == "eval"]
        where = program.finding.where if program.finding is not None else None
        found = [r for r in found if r.get("site") == where] or found
    else:
        found = [r for r in program.facts("metrics") if r.get("phase") == "eval"]
    marks = {(program.file(r)[0].path, int(r["line"])) for r in found if r.get("file") and r.get("line")}
    if not marks:
        raise NotApplicable(f"the program computes no {kind} in an evaluation")
    return marks


def _climb(traced: _Traced, file: SourceFile, loop: Loop, place: SourceFile, node: cst.CSTNode) -> None:
    """From the line that computes it through functions up to the loop."""
    for _ in range(DEEP):
        if place is file and any(one is loop for one in loops(file, node)):
            return
        function = place.function(node)
        if function is None:
            break
        traced.add_function(place, function)
        callers = [c for c in file.nodes(cst.Call) if called(c) == function.name.value]
        if not callers:
            break
        place, node = file, next((c for c in callers if any(one is loop for one in loops(file, c))), callers[0])
    if not (place is file and any(one is loop for one in loops(file, node))):
        raise NotApplicable("the evaluation is not called in the loop of training")


def _chosen(
    program: Program, traced: _Traced, file: SourceFile, loop: Loop, made: list[tuple[str, cst.Assign | cst.AugAssign]]
) -> Figure:
    """Of the statements that hold it, the last that is run once in each evaluation."""
    called_by = [
        (name, one) for name, one in made if isinstance(one.value, cst.Call) and called(one.value) in traced.makers
    ]
    if called_by:
        own = _on_held_out(
            program, file, [(n, one, one.value) for n, one in called_by if isinstance(one.value, cst.Call)]
        )
        return Figure(traced.kind, own[0], file, own[1], own[2])
    plain = [(name, one) for name, one in made if not _keeps_best(file, name, one, {n for n, _ in made})]
    once = [(name, one) for name, one in plain if loops(file, one)[:1] == [loop]]
    if not once:
        reset = {n for one in within(loop.body) if isinstance(one, cst.Assign) and loops(file, one)[:1] == [loop]
                 for t in one.targets for n in names(t.target)}  # fmt: skip
        once = [(name, one) for name, one in plain if isinstance(one, cst.AugAssign) and name in reset]
    if not once or len({name for name, _ in once if name == once[-1][0]}) != 1:
        raise NotApplicable(f"the {traced.kind} of an evaluation has no name in the loop of training")
    return Figure(traced.kind, once[-1][0], file, once[-1][1], None)


def _on_held_out(
    program: Program, file: SourceFile, several: Sequence[tuple[str, cst.Assign | cst.AugAssign, cst.Call]]
) -> tuple[str, cst.Assign | cst.AugAssign, cst.Call]:
    """The call that is given held-out samples: no optimizer, and a loader that only evaluates."""
    optimizers = {target_of(s) for s in program.optimizers} - {""}
    found = [one for one in several if not any(file.code(a.value) in optimizers for a in one[2].args)]
    if len(found) > 1:
        made = [r for r in program.facts("loaders") if r.get("phase") == "eval" and r.get("created_file")]
        loaders = {target_of(program.loader(r)) for r in made} - {""}
        found = [one for one in found if any(file.code(a.value) in loaders for a in one[2].args)]
    if len(found) != 1:
        raise NotApplicable("several evaluations are made, and which is that of held-out samples is not known")
    return found[0]


def _keeps_best(file: SourceFile, name: str, one: cst.Assign | cst.AugAssign, known: set[str]) -> bool:
    """`best = min(best, loss)`, and `best = loss` below `if loss < best`."""
    if isinstance(one.value, cst.Call) and called(one.value) in ("min", "max") and name in names(one.value):
        return True
    return any(isinstance(above, cst.If) and names(above.test) & known for above in blocks(file, one))
