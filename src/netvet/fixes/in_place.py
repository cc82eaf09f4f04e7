"""Samples changed where their variables are made, with statistics that the program computes of its training data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from netvet.fixes.arrays import Path, Scope, Step, Tracer
from netvet.fixes.loss_calls import loss_calls
from netvet.fixes.preprocessing import call_sites
from netvet.fixes.program import Program, Record, argument
from netvet.fixes.samples import unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile, Statement, called, inside

# What may be asked of a variable without its numbers.
_ABOUT = ("shape", "dtype", "device", "size", "dim", "ndim", "ndimension")


@dataclass(frozen=True)
class Arrays:
    """Variables that hold all samples that enter a model.

    Attributes:
        train: of training; `code`: its training samples as they are written; `others`: of evaluation.
        place: the statement behind which the training samples are known.
        formed: samples get another form on their way to the model.
    """

    file: SourceFile
    scope: Scope
    train: Step
    code: str
    place: Statement
    others: tuple[Step, ...]
    uses: tuple[cst.Name, ...]
    formed: bool


def input_arrays(program: Program, record: Record) -> Arrays:
    """Those of an input.

    Raises:
        NotApplicable: it cannot be seen which variables these are, or they are used for something else.
    """
    position, sites = record.get("position"), call_sites(program, str(record.get("model")))
    if not sites or len({file.path for file, _ in sites}) != 1 or not isinstance(position, int):
        raise NotApplicable("the calls of the model are not known")
    file, found = sites[0][0], []
    tracer = Tracer(file)
    for _, call in sites:
        plain = [a for a in call.args if a.keyword is None]
        if position >= len(plain) or any(a.star for a in plain):
            raise NotApplicable("the input is not given to the model by itself")
        phase = _phase_of_call(program, file, call)
        found += [(_phase_of_loader(program, file, path, phase), path) for path in tracer.array(plain[position].value)]
    arrays = _chosen(tracer, found)
    _used_for_nothing_else(arrays)
    _no_target(program, tracer, arrays)
    return arrays


def target_array(program: Program, file: SourceFile, node: cst.BaseExpression) -> Arrays:
    """That of the target of a loss in training; others are not looked for.

    Raises:
        NotApplicable: it cannot be seen which variable it is.
    """
    tracer = Tracer(file)
    paths = [(_phase_of_loader(program, file, path, None), path) for path in tracer.array(node)]
    if all(phase is None for phase, _ in paths):
        paths = [("train", path) for _, path in paths]
    return _chosen(tracer, [one for one in paths if one[0] != "eval"])


def _phase_of_call(program: Program, file: SourceFile, call: cst.Call) -> str | None:
    """`train` or `eval` where the run saw the call in one of them alone; `both`; None where it did not see it."""
    seen = {
        "train" if r.get("phase") == "train" else "eval" for r in program.facts("calls")
        if r.get("file") and program.file(r)[0] is file and any(c is call for c in file.calls(program.file(r)[1]))
    }  # fmt: skip
    return None if not seen else seen.pop() if len(seen) == 1 else "both"


def _phase_of_loader(program: Program, file: SourceFile, path: Path, phase: str | None) -> str | None:
    if path.loader is None or phase == "eval":
        return phase
    span = file.lines(path.loader)
    seen = {
        str(r.get("phase")) for r in program.facts("loaders")
        if r.get("created_file") and program.file(r, "created_")[0] is file
        and span[0] <= int(r.get("created_line") or 0) <= span[1]
    }  # fmt: skip
    return phase if not seen else seen.pop() if len(seen) == 1 else "both"


def _chosen(tracer: Tracer, found: Sequence[tuple[str | None, Path]]) -> Arrays:
    """The variables nearest to the model that stand in one function, those of training apart from the others."""
    if any(not path.steps for _, path in found):
        raise NotApplicable("which variables hold the samples cannot be seen")
    if any(phase not in ("train", "eval", None) for phase, _ in found):
        raise NotApplicable("training and evaluation samples come from the same lines")
    training = [path for phase, path in found if phase == "train"]
    rest = [path for phase, path in found if phase != "train"]
    if not training:
        raise NotApplicable("which variables hold the training samples cannot be seen")
    for step in training[0].steps:
        code, place = _samples(tracer, step)
        same = [_at(path, step.scope) for path in training]
        others = [_at(path, step.scope) for path in rest]
        if any(step.name not in [o.name for o in one] for one in same) or not all(others) or step.cast:
            continue
        apart = [next((o for o in one if o.made is step.made and o.name == step.name), one[0]) for one in others]
        elsewhere = any(o.name == step.name and o.rows is not None for o in apart)
        once = all(_changes(path, [step, *apart]) == 1 for _, path in found)
        if (elsewhere and code == step.name) or not once or not _whole_block(tracer.file, [step, *apart]):
            continue
        uses = tuple(n for _, path in found for n in path.uses)
        formed = any(path.formed for path in training)
        return Arrays(tracer.file, step.scope, step, code, place, _each(step, apart), uses, formed)
    raise NotApplicable("which variables hold the training samples cannot be seen")


def _changes(path: Path, chosen: Sequence[Step]) -> int:
    """How often samples would be changed on their way: those of `x_val = x[rows]` have been, where `x` has."""
    keys = {(one.name, id(one.made)) for one in chosen}
    return len({(one.name, id(one.made)) for one in path.steps} & keys)


def _at(path: Path, scope: Scope) -> list[Step]:
    return [one for one in path.steps if one.scope is scope and not one.cast]


def _each(train: Step, others: Sequence[Step]) -> tuple[Step, ...]:
    found: dict[str, Step] = {one.name: one for one in others if one.name != train.name}
    return tuple(found.values())


def _samples(tracer: Tracer, step: Step) -> tuple[str, Statement]:
    """The training samples of a variable (all of it, or the rows that are chosen once), and where they are known."""
    rows, file = step.rows, tracer.file
    if rows is None:
        return step.name, step.made
    chosen: cst.CSTNode = tracer.drawn_from(rows.value) if isinstance(rows, cst.Index) else rows
    if isinstance(rows, cst.Index) and not isinstance(chosen, cst.Name):
        return step.name, step.made
    place = step.made
    for name in {n.value for n in inside(chosen, cst.Name)} - {"len", step.name}:
        made = _made_once(file, name, step)
        if made is None:
            return step.name, step.made
        place = max(place, made, key=file.line)
    return f"{step.name}[{file.code(chosen)}]", place


def _made_once(file: SourceFile, name: str, step: Step) -> Statement | None:
    """Where a name gets its value, if that is once and in the block of a variable."""
    made = [
        a for a in file.nodes(cst.Assign)
        if file.function(a) is step.scope and any(n.value == name for t in a.targets for n in inside(t, cst.Name))
    ]  # fmt: skip
    found = file.statement_of(made[0]) if len(made) == 1 else None
    return found if found is not None and file.parent(found) is file.parent(step.made) else None


def _whole_block(file: SourceFile, steps: Sequence[Step]) -> bool:
    """Whether all get their values in the same block, one statement after the other."""
    blocks = {id(file.parent(one.made)) for one in steps}
    return len(blocks) == 1


def _used_for_nothing_else(arrays: Arrays) -> None:
    file, names = arrays.file, {one.name: one for one in (arrays.train, *arrays.others)}
    for node in file.nodes(cst.Name):
        step = names.get(node.value)
        if step is None or not _refers(file, node, arrays.scope):
            continue
        line, here = file.line(node), file.function(node) is arrays.scope
        if here and line <= file.lines(step.made)[1]:
            continue
        early = here and line <= file.lines(_place(arrays, step))[1]
        if _about(file, node) or (not early and any(n is node for n in arrays.uses)):
            continue
        raise NotApplicable(f"{node.value} is used for something else at line {line}")


def _no_target(program: Program, tracer: Tracer, arrays: Arrays) -> None:
    """That no loss compares with these variables, as that of an autoencoder does: its units would be others."""
    names = {(one.name, id(one.made)) for one in (arrays.train, *arrays.others)}
    try:
        calls = loss_calls(program)
    except NotApplicable:
        return
    for call in (c for c in calls if c.site.file is arrays.file):
        given = argument(call.site.call, "target", 1)
        for path in tracer.array(given.value) if given is not None else ():
            if names & {(one.name, id(one.made)) for one in path.steps}:
                raise NotApplicable("the inputs are what the model is to put out")


def _refers(file: SourceFile, node: cst.Name, scope: Scope) -> bool:
    """Whether a name is this function's variable, or that of the file."""
    above = file.parent(node)
    if isinstance(above, cst.Attribute) and above.attr is node:
        return False
    if isinstance(above, cst.Arg) and above.keyword is node:
        return False
    function = file.function(node)
    while function is not None and function is not scope:
        own = {n.value for a in inside(function, cst.AssignTarget) for n in inside(a, cst.Name)}
        own |= {n.value for loop in inside(function, cst.For) for n in inside(loop.target, cst.Name)}
        if node.value in own | {p.name.value for p in inside(function, cst.Param)}:
            return False
        function = file.function(function)
    return function is scope


def _about(file: SourceFile, node: cst.Name) -> bool:
    above = file.parent(node)
    if isinstance(above, cst.Attribute):
        return above.attr.value in _ABOUT
    call = file.parent(above) if isinstance(above, cst.Arg) else None
    return isinstance(call, cst.Call) and called(call) in ("len", "print")


def _place(arrays: Arrays, step: Step) -> Statement:
    """The statement behind which a variable and that of training have their values."""
    return max((step.made, arrays.place), key=arrays.file.line)


def change(editor: Editor, arrays: Arrays, head: str, template: str) -> None:
    """Put in statistics behind the training samples, and what changes all variables: `{}` is each of them."""
    groups: dict[Statement, list[str]] = {arrays.place: []}
    for one in (arrays.train, *arrays.others):
        groups.setdefault(_place(arrays, one), []).append(one.name)
    for statement, names in groups.items():
        line = f"{', '.join(names)} = {', '.join(template.replace('{}', name) for name in names)}\n"
        editor.insert(arrays.file, statement, after=head + line)
        head = ""


def free(file: SourceFile, *names: str) -> Iterator[str]:
    """Each name, with a word before it where the file has a variable or function that is called so."""
    inner = [n.attr for n in file.nodes(cst.Attribute)]
    inner += [a.keyword for a in file.nodes(cst.Arg) if a.keyword is not None]
    taken = {n.value for n in file.nodes(cst.Name) if not any(n is one for one in inner)}
    for name in names:
        yield name if name not in taken else unused(file, f"train_{name}")


def rescaled(
    program: Program, record: Record, what: str, lines: Sequence[str], template: str, axis: str, name: str = "mean"
) -> Editor:
    """One variant: statistics of the training samples, and all samples changed by them.

    Args:
        lines: `{train}`, `{axis}`, `{mean}`, `{std}` stand for these; `template`: what `{}` becomes.
        axis: what statistics are taken over; empty for all values. `name`: of the first statistic.

    Raises:
        NotApplicable: as `input_arrays`.
    """
    arrays = input_arrays(program, record)
    if arrays.formed and axis not in ("", "0"):
        raise NotApplicable("the channels of the images are not those of the variable")
    mean, std = free(arrays.file, name, "std")
    told = {"train": arrays.code, "axis": axis, "mean": mean, "std": std}
    editor = program.editor(what)
    change(editor, arrays, "".join(line.format(**told) + "\n" for line in lines), template.format("{}", **told))
    return editor
