"""Targets of -1 and 1 for losses of the hinge kind."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import beside, loss_at
from netvet.fixes.program import Program
from netvet.fixes.source import Editor

FUNCTIONS = ("soft_margin_loss", "hinge_embedding_loss")


@fix(title="targets of -1 and 1", mends=("mismatched-loss",), changes_loss=True)
def signed_targets(program: Program) -> Iterator[Editor]:
    """Give losses of the hinge kind targets of -1 and 1 where they get 0 and 1.

    ## What it changes
    What the loss is given as target, in training and evaluation: `2 * y - 1`. Scores that are taken of the targets
    themselves stay as they are.

    ## References
    The documentation of `torch.nn.SoftMarginLoss` and `torch.nn.HingeEmbeddingLoss`.
    """
    editor = program.editor("targets of -1 and 1")
    for call in beside(program, loss_at(program, *FUNCTIONS)):
        target = call.target()
        editor.replace(call.site.file, target, f"2 * {held(target)} - 1")
    yield editor
