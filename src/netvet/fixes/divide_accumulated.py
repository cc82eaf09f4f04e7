"""The losses of accumulated micro-batches divided by their number."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.loops import blocks, divide_loss
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, inside

PLAIN = (cst.Name, cst.Attribute, cst.Integer, cst.Subscript)


@fix(title="accumulated losses divided by their number", mends=("unreduced-loss", "lr-too-high"))
def divide_accumulated(program: Program) -> Iterator[Editor]:
    """Divide the loss of every micro-batch by the number of micro-batches of a step.

    ## What it changes
    What `backward` is called on; the loss that is printed stays as it is. The number is that of the script, where it
    is in the condition of the step, else what the run saw.

    ## Known problems
    A last group of fewer micro-batches is divided by the whole number, and counts less.

    ## References
    PyTorch, "CUDA Automatic Mixed Precision examples": "loss = loss / iters_to_accumulate".
    """
    undivided = [r for r in program.facts("accumulation") if r.get("divided") is False]
    if not undivided:
        raise NotApplicable("no loss is accumulated without being divided")
    count = _number(program) or f"{undivided[0].get('micro_batches'):g}"
    editor = program.editor(f"the loss divided by {count}")
    for backward in program.backwards:
        divide_loss(editor, backward, count)
    yield editor


def _number(program: Program) -> str:
    """`k` of `if (i + 1) % k == 0: optimizer.step()`."""
    for step in program.steps:
        for above in blocks(step.file, step.call):
            if not isinstance(above, cst.If):
                continue
            for one in inside(above.test, cst.BinaryOperation):
                if isinstance(one.operator, cst.Modulo):
                    return step.code(one.right) if isinstance(one.right, PLAIN) else ""
    return ""
