"""Which variables hold all samples that enter a training with JAX, and lines behind them that change these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from netvet.fixes.arrays import Path, Step, Tracer
from netvet.fixes.jax_edits.places import Given, is_rows, looks_like_data, training, uses_of_model, values
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, Statement, inside


@dataclass(frozen=True)
class Held:
    """Variables of samples.

    Attributes:
        train: of training, `rows`: the indices of the training samples in it, as they are written, or nothing.
        place: the statement behind which both are known; `others`: of evaluation.
    """

    file: SourceFile
    train: Step
    rows: str
    place: Statement
    others: tuple[Step, ...]

    @property
    def code(self) -> str:
        """The training samples as they are written."""
        return f"{self.train.name}[{self.rows}]" if self.rows else self.train.name


def held(program: Program, *, target: bool) -> Held:
    """Those of the inputs, or of the targets.

    Raises:
        NotApplicable: it cannot be seen which variables these are.
    """
    given = training(program)
    file = given.site.file
    if not given.data or (target and len(given.data) < 2):
        raise NotApplicable("the samples are not given by themselves to the line that trains")
    if target and len(given.data) > 2:
        raise NotApplicable("the line that trains is given more than inputs and targets")
    node = given.data[-1] if target else given.data[0]
    tracer = Tracer(file)
    step = _step(tracer, node)
    rows, place = _rows(tracer, step)
    others = _others(tracer, given, step, target=target)
    return Held(file, step, rows, place, others)


def _step(tracer: Tracer, node: cst.BaseExpression) -> Step:
    """The variable nearest to the training that is set once, outside of loops."""
    paths: list[Path] = [p for p in tracer.array(node) if p.steps]
    names = {p.steps[0].name for p in paths}
    if len(names) != 1:
        raise NotApplicable("which variables hold the samples cannot be seen")
    return paths[0].steps[0]


def _rows(tracer: Tracer, step: Step) -> tuple[str, Statement]:
    """The indices of all training samples, where a part of the variable is trained on, and where they are known."""
    if not isinstance(step.rows, cst.Index):
        return "", step.made
    chosen = tracer.drawn_from(step.rows.value)
    if isinstance(chosen, cst.Integer):  # `rng.permutation(1440)`: the first of all samples
        return f":{chosen.value}", step.made
    if not isinstance(chosen, cst.Name):
        return "", step.made
    for one in tracer.file.nodes(cst.Assign):
        named = any(n.value == chosen.value for t in one.targets for n in inside(t, cst.Name))
        statement = tracer.file.statement_of(one)
        if named and tracer.file.parent(statement) is tracer.file.parent(step.made):
            return chosen.value, max(step.made, statement, key=tracer.file.line)
    return "", step.made


def _others(tracer: Tracer, given: Given, step: Step, *, target: bool) -> tuple[Step, ...]:
    """Variables of evaluation samples that enter the same model, of the same kind."""
    found: dict[str, Step] = {}
    for call in uses_of_model(given):
        nodes = [v for v in values(call) if _is_data(v) and not any(n.value in given.state for n in _roots(v))]
        nodes = nodes[-1:] if target and len(nodes) > 1 else [] if target else nodes[:1]
        for node in nodes:
            for path in tracer.array(node):
                for one in path.steps[:1]:
                    if one.scope is step.scope and one.name != step.name:
                        found.setdefault(one.name, one)
    if target:
        found |= {one.name: one for one in _beside(tracer, step) if one.name not in found}
    return tuple(found.values())


def _beside(tracer: Tracer, step: Step) -> Iterator[Step]:
    """Of `y_train`: `y_test`, where it is given a value in the same function."""
    if "train" not in step.name:
        return
    for one in tracer.file.nodes(cst.Assign):
        if tracer.file.function(one) is not step.scope:
            continue
        for target in one.targets:
            for name in inside(target, cst.Name):
                if name.value in [
                    step.name.replace("train", w) for w in ("test", "val", "valid", "eval", "validation")
                ]:
                    yield Step(name.value, step.scope, tracer.file.statement_of(one), None, False, False)


def _roots(node: cst.BaseExpression) -> list[cst.Name]:
    inner = node.value if isinstance(node, cst.Subscript) else node
    return [inner] if isinstance(inner, cst.Name) else []


def _is_data(node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Subscript):
        return is_rows(node) or isinstance(node.slice[0].slice, cst.Slice)
    return isinstance(node, cst.Name) and looks_like_data(node.value)


def change(editor: Editor, arrays: Held, head: Sequence[str], template: str) -> None:
    """Put statistics in behind the training samples, and what changes all variables: `{}` is each of them."""
    file = arrays.file
    block = file.parent(arrays.place)
    steps = [arrays.train, *arrays.others]
    if any(file.parent(one.made) is not block for one in steps):
        raise NotApplicable("the samples of training and of evaluation are not made beside each other")
    last = max([*([arrays.place] if head else []), *(one.made for one in steps)], key=file.line)
    names = [one.name for one in steps]
    for name in names:
        _unread(arrays, name, last)
    lines = "".join(f"{line}\n" for line in head)
    lines += f"{', '.join(names)} = {', '.join(template.replace('{}', name) for name in names)}\n"
    editor.insert(file, last, after=lines)


def _unread(arrays: Held, name: str, last: Statement) -> None:
    """That nothing reads a variable between its making and the change.

    Raises:
        NotApplicable: something does.
    """
    file = arrays.file
    made = next(s.made for s in (arrays.train, *arrays.others) if s.name == name)
    begin, end = file.lines(made)[1], file.lines(last)[1]
    for node in file.nodes(cst.Name):
        between = begin < file.line(node) <= end and node.value == name and file.function(node) is arrays.train.scope
        if between and not _counts(file, node):
            raise NotApplicable(f"{name} is used before the training samples are known")


def _counts(file: SourceFile, node: cst.Name) -> bool:
    """`len(x)`, `x.shape`."""
    above = file.parent(node)
    if isinstance(above, cst.Attribute):
        return above.attr.value in ("shape", "ndim", "size", "dtype")
    call = file.parent(above) if isinstance(above, cst.Arg) else None
    return isinstance(call, cst.Call) and file.code(call.func) in ("len", "print")
