"""Targets of the type that their loss wants."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from netvet.fixes.dtypes import complaint, loss_line
from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import LossCall
from netvet.fixes.program import Program, Site, argument
from netvet.fixes.source import Editor, NotApplicable, SourceFile

# What PyTorch says where a float met a loss of classes, and where a whole number met another one.
_LONG = re.compile(
    r"expected scalar type Long but|target dtype to be Long|"
    r"nll_loss.*not implemented for '(Float|Int|Double|Byte|Short|Char)'"
)
_FLOAT = re.compile(
    r"but (found|got) (Long|Int|Double|Byte)|[Rr]esult type|Found dtype (Long|Double|Int)|can't be cast"
)


@fix(title="targets of the type that the loss wants", mends=("wrong-dtype",))
def long_labels(program: Program) -> Iterator[Editor]:
    """Convert class numbers to int64, and the targets of other losses to float32.

    ## What it changes
    `.long()` or `.float()` on the target, at the call of the loss that ended the run and at the calls of the same
    function in that file.

    ## References
    PyTorch, torch.dtype and the descriptions of target in cross_entropy and binary_cross_entropy.
    """
    said = complaint(program)
    kind = "long" if _LONG.search(said) else "float" if _FLOAT.search(said) else ""
    if not kind:
        raise NotApplicable(f"which type the target must have is not said in: {said[:100]}")
    file, call = loss_line(program)
    editor = program.editor(f"targets as {kind}")
    same = [c for c in file.nodes(cst.Call) if file.code(c.func) == file.code(call.func) and argument(c, "target", 1)]
    for one in same:
        _convert(editor, file, LossCall(Site(file, one, {}), None, "").target(), kind)
    yield editor


def _convert(editor: Editor, file: SourceFile, node: cst.BaseExpression, kind: str) -> None:
    editor.replace(file, node, f"{held(node)}.{kind}()")
