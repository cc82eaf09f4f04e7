"""Clipping right before the step."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.loops import move
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="gradients clipped right before the step", mends=("ineffective-clip", "wrong-call-order"))
def clip_last(program: Program) -> Iterator[Editor]:
    """Move the clipping of gradients right before the step of the optimizer.

    ## What it changes
    The line of the clipping. Where gradients are scaled, they are unscaled before it.

    ## References
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), algorithm 1; the
    documentation of `torch.amp.GradScaler.unscale_`.
    """
    wrong = [r for r in program.facts("clips") if r.get("position") not in (None, "ok")]
    if not wrong:
        raise NotApplicable("no clipping stands in the wrong place")
    editor = program.editor("gradients clipped right before the step")
    for record in wrong:
        site = program.site(record)
        steps = [s for s in program.steps if s.file is site.file and s.file.function(s.call) is site.file.function(
            site.call)]  # fmt: skip
        if len(steps) != 1:
            raise NotApplicable("the step that the clipping belongs to is not known")
        step, optimizer = steps[0], program.stepped(steps[0])
        scaler = step.code(step.call.func.value) if hasattr(step.call.func, "value") else ""
        unscaled = any(e.get("kind") == "unscale" for e in program.facts("events"))
        if scaler != optimizer and not unscaled:
            editor.insert(step.file, step.call, before=f"{scaler}.unscale_({optimizer})\n")
        move(editor, site.file, site.call, before=step.call)
    yield editor
