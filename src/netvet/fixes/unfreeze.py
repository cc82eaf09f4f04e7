"""Frozen layers that learn."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record, Site, argument
from netvet.fixes.source import Editor, NotApplicable, called, last_name


@fix(title="frozen layers trained", mends=("frozen-parameters", "unused-parameters"), cost="time")
def unfreeze(program: Program) -> Iterator[Editor]:
    """Let layers learn that are frozen although they hold no trained weights.

    ## What it changes
    `requires_grad = False` and `requires_grad_(False)` become True; `from_pretrained` is given `freeze=False`. Layers
    that the optimizer was not given need that as well.

    ## Known problems
    Layers that were frozen on purpose, as a random projection, learn after it.

    ## References
    Yosinski et al., "How transferable are features in deep neural networks?" (2014).
    """
    frozen = [r for r in program.facts("parameters") if r.get("requires_grad") is False and not r.get("loaded")]
    places: dict[tuple[str, int], tuple[Record, str]] = {}
    for record in frozen:
        prefix = "frozen_" if record.get("frozen_file") else "created_"
        if record.get(f"{prefix}file"):
            places[str(record[f"{prefix}file"]), int(record[f"{prefix}line"])] = record, prefix
    if not places:
        raise NotApplicable("the line that freezes the layers is not known")
    editor = program.editor("frozen layers trained")
    for record, prefix in places.values():
        _unfreeze(program, editor, record, prefix)
    yield editor


def _unfreeze(program: Program, editor: Editor, record: Record, prefix: str) -> None:
    file, line = program.file(record, prefix)
    for one in file.at(line, cst.Assign):
        if last_name(one.targets[0].target) == "requires_grad" and file.code(one.value) == "False":
            editor.replace(file, one.value, "True")
            return
    for call in file.calls(line):
        if called(call) == "requires_grad_":
            set_argument(editor, Site(file, call, record), "requires_grad", "True", 0)
            return
        if called(call) == "from_pretrained" and argument(call, "embeddings", 0):
            set_argument(editor, Site(file, call, record), "freeze", "False", 1)
            return
    raise NotApplicable("requires_grad is not set where the run says")
