"""A limit of the gradient's norm that most gradients pass."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.trainers import held

ABOVE = 2.0  # times the usual norm: outliers are clipped, nine in ten of a log-normal spread of 0.5 are not


@fix(title="a higher limit of the gradient's norm", mends=("always-clipped", "tiny-updates", "loss-flat"))
def raise_max_norm(program: Program) -> Iterator[Editor]:
    """Set the limit of the clipping to twice the usual norm of the gradient.

    ## What it changes
    `max_norm` where the gradients are clipped; the norm is the median that the run saw.

    ## Known problems
    Steps become longer: with a rate that was chosen for clipped gradients they may be too long.

    ## References
    Pascanu, Mikolov and Bengio, "On the difficulty of training recurrent neural networks" (2013), section 3.2: a
    threshold of half to ten times the average norm.
    """
    always = [r for r in program.facts("clips") if (r.get("clipped_after_warmup") or 0) > 0.5]  # the most: every step
    always = [r for r in always if r.get("kind") == "norm" and r.get("norm_median")]
    if not always:
        raise NotApplicable("no clipping by norm limits most gradients")
    norm = max(float(r["norm_median"]) for r in always)
    editor = program.editor(f"gradients clipped to norm {ABOVE * norm:.1g}")
    for record in always:
        limit = float(f"{ABOVE * float(record['norm_median']):.1g}")
        try:
            site = program.site(record, "clip_grad_norm_", "clip_grad_norm", "clip_gradients")
        except NotApplicable:  # a trainer clips
            for one in held(program, "max_norm"):
                one.set(editor, f"{limit:g}")
            break
        set_argument(editor, site, "max_norm", f"{limit:g}", 1)
    yield editor
