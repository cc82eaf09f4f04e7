"""Scores averaged over samples in the place of batches."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import contains, loops, names, within
from netvet.fixes.program import Program, Record, argument
from netvet.fixes.samples import unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside


@fix(title="batches of an evaluation weighed by their size", mends=("partial-evaluation",), corrects_score=True)
def weigh_batches(program: Program) -> Iterator[Editor]:
    """Weigh each batch of an evaluation by its number of samples, so that a short last one counts less.

    ## What it changes
    `total += loss.item()` becomes `total += loss.item() * len(y)`, and what the total is divided by, `len(loader)` or a
    counter of batches, the number of samples.

    ## Known problems
    Values that are gathered in a list and averaged by a function stay as they are: it does not apply.

    ## References
    Documentation of `torch.utils.data.DataLoader`, `drop_last`: the last batch is smaller where the size does not
    divide the data set.
    """
    editor, done = program.editor("batches weighed by their size"), set[int]()
    for one in _uneven(program):
        file, line = program.file(one)
        around = [loop for loop in file.at(line, cst.For) if loops(file, file.statement(line))[:1] == [loop]]
        if not around or file.line(around[0]) in done:
            continue
        done.add(file.line(around[0]))
        _weigh(program, editor, file, around[0])
    if not done:
        raise NotApplicable("no evaluation averages over batches of different size, as far as can be seen")
    yield editor


def _uneven(program: Program) -> list[Record]:
    """Evaluations whose last batch is shorter."""
    found = [r for r in program.facts("evaluations") if r.get("file") and r.get("last_batch") and r.get("first_batch")]
    found = [r for r in found if r["last_batch"] < r["first_batch"] and (r.get("batches") or 0) > 1]
    return [r for r in found if r.get("loader_samples") in (None, r.get("samples"))]


def _weigh(program: Program, editor: Editor, file: SourceFile, loop: cst.For) -> None:
    """The sums of a loop over batches, and what they are divided by."""
    size = f"len({_sample(program, file, loop)})"
    sums = [one for one in within(loop.body) if isinstance(one, cst.AugAssign) and _mean(program, file, one)]
    if not sums or any(loops(file, one)[:1] != [loop] for one in sums):
        raise NotApplicable("the evaluation adds up no means of batches")
    totals = {file.code(one.target) for one in sums}
    counters: set[str] = set()
    for one in sums:
        value = file.code(one.value)
        plain = isinstance(one.value, (cst.Name, cst.Call, cst.Attribute, cst.Subscript))
        editor.replace(file, one.value, f"{value if plain else f'({value})'} * {size}")
    divided = _divisors(file, loop, totals)
    if {name for name, _ in divided} != totals:
        raise NotApplicable("what the sum over batches is divided by is not seen")
    for _, divisor in divided:
        counters |= _samples_in(editor, file, loop, divisor)
    for node in within(loop.body):
        if isinstance(node, cst.AugAssign) and file.code(node.target) in counters:
            editor.replace(file, node.value, size)
    for name in counters:
        _rename(editor, file, loop, name)


def _rename(editor: Editor, file: SourceFile, loop: cst.For, name: str) -> None:
    """A counter that was named after batches is named after samples."""
    function = file.function(loop)
    if function is None or not re.fullmatch(r"(n_?|num_)?batch(es)?", name):
        return
    new = unused(file, "samples")
    for node in (n for n in inside(function.body, cst.Name) if n.value == name):
        above = file.parent(node)
        named = (
            above.attr if isinstance(above, cst.Attribute) else above.keyword if isinstance(above, cst.Arg) else None
        )
        if named is not node:
            editor.replace(file, node, new)


def _mean(program: Program, file: SourceFile, one: cst.AugAssign) -> bool:
    """Adds the mean of a batch: a loss or a mean of comparisons, and not times the number of samples."""
    if not isinstance(one.operator, cst.AddAssign):
        return False
    if any(isinstance(b.operator, (cst.Multiply, cst.Divide)) for b in inside(one.value, cst.BinaryOperation)):
        return False
    calls = [called(c) for c in inside(one.value, cst.Call)]
    if "mean" in calls or "accuracy_score" in calls:
        return True
    lines = {
        r.get("line") for r in program.facts("losses")
        if r.get("phase") == "eval" and r.get("reduction") == "mean" and program.file(r)[0] is file
    }  # fmt: skip
    if any(file.line(c) in lines for c in inside(one.value, cst.Call)) and "sum" not in calls:
        return True
    made = [a for loop in loops(file, one)[:1] for a in within(loop.body) if isinstance(a, cst.Assign)]
    losses = {
        n for a in made if file.line(a) in lines and isinstance(a.value, cst.Call) for n in names(a.targets[0].target)
    }
    return bool(names(one.value) & losses) and "sum" not in calls


def _sample(program: Program, file: SourceFile, loop: cst.For) -> str:
    """What a batch is: the last of the variables that the loop takes apart, which are its targets."""
    target: cst.BaseExpression = loop.target
    if isinstance(loop.iter, cst.Call) and called(loop.iter) == "enumerate" and isinstance(target, cst.Tuple):
        target = target.elements[-1].value
    if not isinstance(target, cst.Tuple) or not all(isinstance(e.value, cst.Name) for e in target.elements):
        raise NotApplicable("the loop over batches does not take them apart")
    return file.code(target.elements[-1].value)


def _divisors(file: SourceFile, loop: cst.For, totals: set[str]) -> list[tuple[str, cst.BaseExpression]]:
    """Where totals are divided behind the loop, and by what."""
    function = file.function(loop)
    body = function.body if function is not None else file.module
    found: list[tuple[str, cst.BaseExpression]] = []
    for one in within(body):
        if not isinstance(one, (cst.BinaryOperation, cst.AugAssign)):
            continue
        if contains(file, loop, one) or file.line(one) < file.line(loop):
            continue
        if (
            isinstance(one, cst.BinaryOperation)
            and isinstance(one.operator, cst.Divide)
            and file.code(one.left) in totals
        ):
            found.append((file.code(one.left), one.right))
        elif (
            isinstance(one, cst.AugAssign)
            and isinstance(one.operator, cst.DivideAssign)
            and file.code(one.target) in totals
        ):
            found.append((file.code(one.target), one.value))
    return found


def _samples_in(editor: Editor, file: SourceFile, loop: cst.For, divisor: cst.BaseExpression) -> set[str]:
    """Divide by samples; a counter of batches is to count them, its name comes back.

    Raises:
        NotApplicable: it is neither a length nor a counter.
    """
    if isinstance(divisor, cst.Call) and called(divisor) == "len":
        given = argument(divisor, "obj", 0)
        source = loop.iter.args[0].value if isinstance(loop.iter, cst.Call) and loop.iter.args else loop.iter
        if given is not None and given.value.deep_equals(source):
            editor.replace(file, given.value, f"{file.code(given.value)}.dataset")
            return set()
    for one in within(loop.body):
        if (
            isinstance(one, cst.AugAssign)
            and file.code(one.target) == file.code(divisor)
            and file.code(one.value) == "1"
        ):
            return {file.code(divisor)}
    raise NotApplicable(f"{file.code(divisor)} is not known as the number of batches")
