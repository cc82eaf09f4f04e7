"""Logits compared with 0, probabilities with one half."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.outputs import judge_logits, thresholds
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="a threshold that fits the outputs", mends=("misread-metric",))
def logit_threshold(program: Program) -> Iterator[Editor]:
    """Compare logits with 0 where they are compared with 0.5 or rounded, and probabilities with 0.5.

    ## What it changes
    The number in the comparison; a rounding of logits becomes one of their sigmoid.

    ## References
    1 / (1 + exp(-0)) = 0.5.
    """
    training = [r for r in program.facts("losses") if r.get("phase") == "train"]
    functions = {str(r.get("function")) for r in training}
    if functions == {"binary_cross_entropy_with_logits"}:
        if any(r.get("input_op") == "sigmoid" for r in training):
            raise NotApplicable("the outputs are probabilities, in a loss that takes logits: that comes first")
        editor = program.editor("logits compared with 0")
        judge_logits(program, editor)
    elif functions == {"binary_cross_entropy"}:
        editor = program.editor("probabilities compared with 0.5")
        for file, node in thresholds(program, 0.0):
            editor.replace(file, node, "0.5")
    else:
        raise NotApplicable("whether the outputs are logits or probabilities is not known")
    yield editor
