"""Dropout behind the last norm."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.modules import calls_of, holder, insert_layer, made, module_named, weighted, wrap_input
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable


@fix(title="dropout behind the last norm", mends=("dropout-before-norm",))
def dropout_last(program: Program) -> Iterator[Editor]:
    """Move dropout from in front of a batch norm to in front of the last layer.

    ## What it changes
    The call of the layer of dropout in forward, or its place in a `Sequential`.

    ## References
    Li et al., "Understanding the disharmony between dropout and batch normalization by variance shift" (2019).
    """
    dropout = module_named(program, str(program.finding.where if program.finding is not None else ""))
    if not str(dropout.get("cls")).startswith("Dropout"):
        raise NotApplicable("the layer of dropout is not known")
    last = weighted(program)[-1]
    editor = program.editor("dropout behind the last norm")
    if dropout.get("called_file"):
        _in_forward(editor, program, dropout, last)
    else:
        _in_list(editor, made(program, dropout), made(program, last))
    yield editor


def _in_forward(editor: Editor, program: Program, dropout: Record, last: Record) -> None:
    calls = calls_of(program, dropout)
    if len(calls) != 1:
        raise NotApplicable("dropout is called several times, and which is meant is not known")
    file, call = calls[0]
    wrap_input(editor, program, last, f"{file.code(call.func)}({{}})")
    statement = file.statement_of(call)
    only = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) else None
    if (
        isinstance(only, cst.Assign)
        and only.value is call
        and file.code(only.targets[0].target) == file.code(call.args[0].value)
    ):
        editor.remove(file, statement)
    else:
        editor.change(file, call, lambda old: old.args[0].value if isinstance(old, cst.Call) else old)


def _in_list(editor: Editor, dropout: Site, last: Site) -> None:
    one, other = holder(dropout), holder(last)
    if one is None or other is None or dropout.file is not last.file:
        raise NotApplicable("dropout and the last layer do not stand in lists of layers")
    editor.change(dropout.file, one, lambda _: cst.RemoveFromParent())
    insert_layer(editor, last.file, other, dropout.code(dropout.call), front=True)
