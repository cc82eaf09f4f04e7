"""Inputs and targets shuffled together."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import calls_of, unused
from netvet.fixes.source import Editor, NotApplicable, SourceFile, Statement, root_name

DRAWS = ("permutation", "randperm")


@fix(title="inputs and targets shuffled together", mends=("random-labels",))
def pair_samples(program: Program) -> Iterator[Editor]:
    """Put inputs and targets into one random order, drawn once.

    ## What it changes
    Where each is indexed by a permutation of its own, that is drawn once before and used for both.

    ## References
    Zhang et al., "Understanding deep learning requires rethinking generalization" (2017): what random labels do.
    """
    statements = _shuffling(program)
    editor = program.editor("one order for inputs and targets")
    if len(statements) == 1:
        _before_the_loop(editor, *statements[0])
    elif len(statements) == 2:
        _once(editor, statements)
    else:
        raise NotApplicable("where inputs and targets are shuffled is not known")
    yield editor


def _shuffling(program: Program) -> list[tuple[SourceFile, Statement, cst.Call]]:
    """Statements that index with a fresh permutation, on the way of inputs and targets."""
    found: list[tuple[SourceFile, Statement, cst.Call]] = []
    places = [(r, p) for r in program.facts("inputs") if r.get("phase") == "train" for p in ("data_", "chosen_")]
    places += [(r, p) for r in program.facts("losses") if r.get("phase") == "train" for p in ("target_", "paired_")]
    for record, prefix in places:
        try:
            file, line = program.file(record, prefix)
            statement = file.statement(line)
        except NotApplicable:
            continue
        drawn = [c for c in calls_of(statement, *DRAWS) if isinstance(file.parent(c), cst.Index)]
        if len(drawn) == 1 and not any(s is statement for _, s, _ in found):
            found.append((file, statement, drawn[0]))
    if not found:
        raise NotApplicable("inputs and targets are not indexed by permutations where they are made")
    return found


def _before_the_loop(editor: Editor, file: SourceFile, statement: Statement, call: cst.Call) -> None:
    """One statement draws anew for each array of a loop over arrays."""
    loop = next(file.around(statement, cst.For), None)
    if loop is None or not isinstance(loop.target, cst.Name) or not isinstance(loop.iter, cst.Name):
        raise NotApplicable("inputs and targets are not shuffled by two statements, or in a loop over both")
    order, code = unused(file, "order"), file.code(call).replace(loop.target.value, f"{loop.iter.value}[0]")
    editor.insert(file, loop, before=f"{order} = {code}\n")
    editor.replace(file, call, order)


def _once(editor: Editor, statements: list[tuple[SourceFile, Statement, cst.Call]]) -> None:
    (file, first, call), (other, second, again) = sorted(statements, key=lambda one: one[0].line(one[1]))
    if file is not other or file.function(first) is not file.function(second):
        raise NotApplicable("inputs and targets are not shuffled in one place")
    if root_name(call) != root_name(again):
        raise NotApplicable("inputs and targets are shuffled by different functions")
    order = unused(file, "order")
    editor.insert(file, first, before=f"{order} = {file.code(call)}\n")
    editor.replace(file, call, order)
    editor.replace(file, again, order)
