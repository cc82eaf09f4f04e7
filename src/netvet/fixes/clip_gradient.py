"""The gradient clipped in the place of the loss."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.clamped_losses import clamp_at, without_bound
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable

NORM = 1.0


@fix(title="the gradient clipped, not the loss", mends=("clipped-loss", "zero-gradient"), changes_loss=True)
def clip_gradient(program: Program) -> Iterator[Editor]:
    """Take the upper bound off the loss, and clip the norm of the gradient to 1 in its place.

    ## What it changes
    The clamp of the loss goes (a lower bound stays), and a call of `clip_grad_norm_` stands before `optimizer.step()`.
    Second variant: the clamp goes, and nothing is clipped.

    ## References
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), algorithm 1.
    """
    site = clamp_at(program)
    from netvet.fixes.clip_gradients import clip_gradients

    try:
        editor = next(clip_gradients.make(program))
        editor.what = f"gradients clipped to norm {NORM:g}, and not the loss"
        without_bound(editor, site)
        yield editor
    except NotApplicable:
        pass
    editor = program.editor("the loss as it is")
    without_bound(editor, site)
    yield editor
