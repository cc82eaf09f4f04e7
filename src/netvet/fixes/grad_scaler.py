"""Gradients in float16 scaled."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import alone, events, receiver, target_of, visible
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="gradients scaled", mends=("unscaled-half-precision",))
def grad_scaler(program: Program) -> Iterator[Editor]:
    """Scale the loss, so that gradients in float16 do not vanish, and unscale them before the step.

    ## What it changes
    A GradScaler is made behind the optimizer; backward, step and clipping go through it.

    ## References
    Micikevicius et al., "Mixed precision training" (2018), section 3.2; PyTorch, "Automatic mixed precision examples".
    """
    site, step = program.optimizer, program.steps[0]
    if not any(r.get("half_without_scaler") for r in program.facts("precision")):
        raise NotApplicable("nothing is computed in float16 without a scaler")
    if len(program.steps) > 1 or program.facts("scalers"):
        raise NotApplicable("there are several steps, or a scaler already")
    name = target_of(site)
    same = site.file is step.file and site.file.function(site.call) in (None, step.file.function(step.call))
    if not name or "." in name or not same or name not in visible(step.file, step.call):
        raise NotApplicable("a scaler that is made with the optimizer is not known where it steps")
    if step.call.args or any(b.file is not step.file for b in program.backwards):
        raise NotApplicable("the step is given a closure, or backward stands in another file")
    device = next(iter(program.facts("environment")), {}).get("device") or "cpu"
    editor = program.editor("gradients scaled")
    editor.insert(site.file, site.call, after=f'scaler = torch.amp.GradScaler("{device}")\n')
    editor.require(site.file, "torch", "import torch")
    for backward in program.backwards:
        editor.replace(backward.file, receiver(backward), "scaler.scale({})")
    for clip in events(program, "clip"):
        editor.insert(clip.file, clip.call, before=f"scaler.unscale_({name})\n")
    alone(step.file, step.call)
    editor.change(step.file, step.call, lambda _: cst.parse_expression(f"scaler.step({name})"))
    editor.insert(step.file, step.call, after="scaler.update()\n")
    yield editor
