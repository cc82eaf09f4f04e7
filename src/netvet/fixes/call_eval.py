"""Evaluation mode while a model is evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.modes import eval_around
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(
    title="evaluation mode while the model is evaluated",
    mends=("evaluation-in-train-mode", "evaluation-changes-state", "validation-below-train"),
)
def call_eval(program: Program) -> Iterator[Editor]:
    """Call `model.eval()` before an evaluation that runs in training mode, and `model.train()` behind it.

    ## What it changes
    One line before the loop of the evaluation and one behind it; where the evaluation returns from inside its loop,
    training goes back into training mode where it begins.

    ## Known problems
    Dropout that is on at evaluation on purpose, to sample predictions, is off after it.

    ## References
    The documentation of `torch.nn.Module.eval`.
    """
    wrong = [
        r for r in program.facts("calls")
        if r.get("phase") == "train-mode-no-grad" and (r.get("dropout_active") or r.get("batch_norm_active"))
    ]  # fmt: skip
    if not wrong:
        raise NotApplicable("no model is evaluated in training mode")
    editor = program.editor("evaluation mode while the model is evaluated")
    places = set()
    for record in wrong:
        place = (record.get("file"), record.get("line"))
        if place not in places:
            places.add(place)
            eval_around(program, editor, record)
    yield editor
