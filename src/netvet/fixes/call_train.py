"""Training mode at the start of every epoch."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.modes import train_first
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="training mode before each epoch", mends=("training-in-eval-mode", "evaluation-changes-state"))
def call_train(program: Program) -> Iterator[Editor]:
    """Call `model.train()` before the loop over batches that trains in evaluation mode.

    ## What it changes
    One line before the loop over batches; before each step, where the evaluation is part of that loop.

    ## Known problems
    A model whose frozen layers are to stay in evaluation mode needs them put back after it.

    ## References
    The documentation of `torch.nn.Module.train`.
    """
    wrong = [r for r in program.facts("calls") if r.get("phase") == "eval-mode-grad" and r.get("first_eval_to_train")]
    wrong = wrong or [r for r in program.facts("calls") if r.get("phase") == "eval-mode-grad"]
    if not wrong:
        raise NotApplicable("no model is trained in evaluation mode")
    editor = program.editor("training mode before each epoch")
    places = set()
    for record in wrong:
        place = (record.get("file"), record.get("line"))
        if place not in places:
            places.add(place)
            train_first(program, editor, record)
    yield editor
