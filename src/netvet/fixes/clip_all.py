"""Clipping of all gradients of an optimizer."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the gradients of all parameters clipped", mends=("ineffective-clip", "exploding-gradient"))
def clip_all(program: Program) -> Iterator[Editor]:
    """Hand all parameters of the optimizer to the clipping that misses them.

    ## What it changes
    The first argument of the clipping: a generator that was used up, another model, or a part of the parameters.

    ## References
    The documentation of `torch.nn.utils.clip_grad_norm_`.
    """
    missed = [r for r in program.facts("clips") if (r.get("covers") or 0) < 1 or r.get("empty_calls") == r.get("calls")]
    missed = [r for r in missed if r.get("calls")]
    if not missed:
        raise NotApplicable("the clipping is given all parameters")
    editor = program.editor("the gradients of all parameters clipped")
    for record in missed:
        site = program.site(record)
        here = [s for s in program.steps if s.file is site.file and s.file.function(s.call) is site.file.function(
            site.call)]  # fmt: skip
        if len(here) != 1 or not site.call.args:
            raise NotApplicable("the step that the clipping belongs to is not known")
        parameters = f'[p for group in {program.stepped(here[0])}.param_groups for p in group["params"]]'
        editor.replace(site.file, site.call.args[0].value, parameters)
    yield editor
