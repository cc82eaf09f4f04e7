"""Gradients clipped by their norm."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.trainers import clip

NORM = 1.0


@fix(
    title="gradients clipped to norm 1",
    mends=("exploding-gradient", "loss-spikes", "loss-diverges", "loss-not-finite", "ineffective-clip"),
)
def clip_gradients(program: Program) -> Iterator[Editor]:
    """Clip the norm of all gradients together to 1 before each step.

    ## What it changes
    A call of `clip_grad_norm_` before `optimizer.step()`, of all parameters of that optimizer; with a GradScaler,
    after they are unscaled.

    ## References
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), algorithm 1.
    """
    editor = program.editor(f"gradients clipped to norm {NORM:g}")
    try:
        steps = program.steps
    except NotApplicable:  # a trainer steps
        clip(program, editor, f"{NORM}")
        yield editor
        return
    for step in steps:
        optimizer = program.stepped(step)
        parameters = f'[p for group in {optimizer}.param_groups for p in group["params"]]'
        code = f"torch.nn.utils.clip_grad_norm_({parameters}, {NORM})\n"
        scaler = step.code(step.call.func.value) if hasattr(step.call.func, "value") else ""
        unscaled = any(e.get("kind") == "unscale" for e in program.facts("events"))
        if scaler != optimizer and step.call.args and not unscaled:
            code = f"{scaler}.unscale_({optimizer})\n" + code
        editor.insert(step.file, step.call, before=code)
        editor.require(step.file, "torch", "import torch")
    yield editor
