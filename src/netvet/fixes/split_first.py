"""One permutation for both parts of a split."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import assignment, calls_of, unused
from netvet.fixes.source import Editor, NotApplicable

DRAWS = ("randperm", "permutation", "sample")


@fix(title="one split for both parts", mends=("split-overlap",), corrects_score=True)
def split_first(program: Program) -> Iterator[Editor]:
    """Cut training and evaluation samples from one permutation, drawn once.

    ## What it changes
    Where each part is cut from a permutation of its own, the same call stands before both, and both are cut from
    its result.

    ## References
    Kapoor and Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science" (2023).
    """
    records = [r for r in program.facts("inputs") if r.get("chosen_file")]
    sides = [next((r for r in records if r.get("phase") == phase), None) for phase in ("train", "eval")]
    if sides[0] is None or sides[1] is None:
        raise NotApplicable("where the samples of training and of evaluation are chosen is not known")
    (file, line), (other, second) = program.file(sides[0], "chosen_"), program.file(sides[1], "chosen_")
    train, val = assignment(file, line), assignment(other, second)
    if file is not other or file.function(train) is not file.function(val):
        raise NotApplicable("the samples of training and of evaluation are not chosen in one place")
    drawn = calls_of(train.value, *DRAWS) + ([] if train is val else calls_of(val.value, *DRAWS))
    if len(drawn) != 2 or len({file.code(c) for c in drawn}) != 1:
        raise NotApplicable("the two parts are not cut from permutations of the same data")
    if any(not _is_cut(file.parent(c)) for c in drawn):
        raise NotApplicable("a part is not cut from its permutation by a slice")
    editor = program.editor("one permutation for both parts")
    order = unused(file, "order")
    editor.insert(file, min(train, val, key=file.line), before=f"{order} = {file.code(drawn[0])}\n")
    for call in drawn:
        editor.replace(file, call, order)
    yield editor


def _is_cut(node: cst.CSTNode | None) -> bool:
    return isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, cst.Slice)
