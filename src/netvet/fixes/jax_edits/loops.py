"""The loop of a training with JAX: its length, the size and the order of its batches."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.jax_edits.places import constant, package, training
from netvet.fixes.loops import loops
from netvet.fixes.outputs import assigned
from netvet.fixes.program import Program
from netvet.fixes.samples import calls_of, targets, unused
from netvet.fixes.schedules import range_stop
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside

TIMES = 3
DRAWS = ("permutation", "shuffle", "choice", "randint", "integers", "sample")
UP, DOWN = (4, 16), (4, 16)


def train_longer(program: Program) -> Iterator[Editor]:
    """Three times as many rounds of the outermost loop."""
    site = training(program).site
    around = loops(site.file, site.call)
    stop = range_stop(around[-1]) if around else None
    if stop is None:
        raise NotApplicable("the loop of training does not count to a number")
    if any(called(c).endswith(("schedule", "_decay")) for c in site.file.nodes(cst.Call)):
        raise NotApplicable("a schedule counts the steps: how long it lasts is to be changed with the loop")
    code = site.code(stop)
    editor = program.editor(f"{TIMES} times as long a run")
    editor.replace(site.file, stop, str(TIMES * int(code)) if code.isdigit() else f"{TIMES} * ({code})")
    yield editor


def shuffle(program: Program) -> Iterator[Editor]:
    """A new permutation before the loop that cuts the batches, which are taken from it."""
    given = training(program)
    file = given.site.file
    around = loops(file, given.site.call)
    if not around or not isinstance(around[0], cst.For) or not isinstance(around[0].target, cst.Name):
        raise NotApplicable("where batches are cut from arrays by hand is not known")
    loop, variable = around[0], around[0].target.value
    epoch = around[1] if len(around) > 1 else loop
    if any(calls_of(one, *DRAWS) for one in (epoch, loop)):
        raise NotApplicable("the batches are drawn in random order already")
    editor, order, arrays = program.editor("training samples shuffled"), unused(file, "order"), list[str]()
    for node in inside(loop.body, cst.Subscript):
        index = node.slice[0].slice
        lower = index.lower if isinstance(index, cst.Slice) else None
        if lower is not None and variable in {n.value for n in inside(lower, cst.Name)}:
            arrays.append(file.code(node.value))
            editor.replace(file, node, f"{arrays[-1]}[{order}[{file.code(index)}]]")
    if not arrays:
        raise NotApplicable("where batches are cut from arrays by hand is not known")
    if any(set(targets(a)) & set(arrays) and calls_of(a.value, *DRAWS) for a in file.nodes(cst.Assign)):
        raise NotApplicable("the batches are drawn in random order already")
    np = package(editor, file, "numpy")
    editor.insert(file, loop, before=f"{order} = {np}.random.permutation(len({arrays[0]}))\n")
    yield editor


def larger_batch(program: Program) -> Iterator[Editor]:
    """Four and sixteen times as many samples in a batch."""
    for factor in UP:
        yield _sized(program, factor, up=True)


def smaller_batch(program: Program) -> Iterator[Editor]:
    """A quarter and a sixteenth of the samples in a batch."""
    for factor in DOWN:
        yield _sized(program, factor, up=False)


def _sized(program: Program, factor: int, *, up: bool) -> Editor:
    """One variant: the size by which batches are cut, where it has a name or stands in the head of the loop."""
    site = training(program).site
    file, around = site.file, loops(site.file, site.call)
    size = _size(file, around[0]) if around and isinstance(around[0], cst.For) else None
    if size is None:
        raise NotApplicable("the size of the batches is not a variable of the loop that cuts them")
    made = assigned(file, size) or constant(file, size.value)
    if not isinstance(made, cst.Integer):
        raise NotApplicable("the size of the batches is not a number that is written once")
    count = int(made.value) * factor if up else max(1, int(made.value) // factor)
    editor = program.editor(f"batches of {count} samples")
    editor.replace(file, made, str(count))
    return editor


def _size(file: SourceFile, loop: cst.For) -> cst.Name | None:
    """`size` of `range(0, n, size)`."""
    for call in calls_of(loop.iter, "range"):
        if len(call.args) == 3 and isinstance(call.args[2].value, cst.Name):
            return call.args[2].value
    return None
