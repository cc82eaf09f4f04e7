"""Axes that are moved, and not cut anew."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile


@fix(title="axes moved by permute", mends=("batch-mixing", "batched-differs"))
def permute(program: Program) -> Iterator[Editor]:
    """`x.permute(1, 0, 2)` in the place of `x.view(steps, batch, width)`, which cuts the memory anew.

    ## What it changes
    Each `view` or `reshape` whose sizes are those of the same tensor in another order.

    ## References
    The documentation of `torch.Tensor.view` and `torch.permute`.
    """
    editor = program.editor("axes moved by permute")
    found = False
    for path in {r.get("file") for r in (*program.facts("batch_mixing"), *program.facts("batched_differs"))}:
        file = program.sources.file(str(path)) if path else None
        for call in file.nodes(cst.Call) if file is not None else ():
            order = _order(file, call) if file is not None else None
            if file is not None and order is not None and isinstance(call.func, cst.Attribute):
                tensor, axes = file.code(call.func.value), ", ".join(map(str, order))
                editor.replace(file, call, f"{tensor}.permute({axes})")
                found = True
    if not found:
        raise NotApplicable("no view or reshape of the program puts the axes of a tensor into another order")
    yield editor


def _order(file: SourceFile, call: cst.Call) -> list[int] | None:
    """The axes of a tensor in the order of the sizes that a view is given; None where they are not another order."""
    if not isinstance(call.func, cst.Attribute) or call.func.attr.value not in ("view", "reshape"):
        return None
    tensor = file.code(call.func.value)
    names = _sizes(file, call, tensor)
    given = [file.code(a.value).replace(" ", "") for a in call.args]
    axes: list[int] = []
    for one in given:
        forms = (f"{tensor}.shape[", f"{tensor}.size(")
        axes += [int(one[len(f) : -1]) for f in forms if one.startswith(f) and one[len(f) : -1].isdigit()]
        if one in names:
            axes.append(names.index(one))
    moved = len(axes) == len(given) > 1 and sorted(axes) == list(range(len(axes))) and axes != sorted(axes)
    whole = not names or len(names) == len(axes)
    return axes if moved and whole else None


def _sizes(file: SourceFile, call: cst.Call, tensor: str) -> list[str]:
    """`batch, steps` of `batch, steps = x.shape`, in the same function before."""
    around, found = file.function(call), list[str]()
    for one in file.nodes(cst.Assign):
        target, value = one.targets[0].target, file.code(one.value).replace(" ", "")
        before = file.function(one) is around and file.line(one) <= file.line(call)
        if before and isinstance(target, cst.Tuple) and value in (f"{tensor}.shape", f"{tensor}.size()"):
            found = [file.code(e.value) for e in target.elements]
    return found
