"""Biases that begin a little above zero."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.inits import for_layers
from netvet.fixes.program import Program
from netvet.fixes.source import Editor

# Goodfellow et al., "Deep Learning", section 8.4: 0.1 for ReLU; 0.01 is usual in courses and disturbs less.
BIASES = (0.01, 0.1)


@fix(title="biases begin above zero", mends=("dead-relu",))
def positive_bias(program: Program) -> Iterator[Editor]:
    """Let the biases of linear and convolutional layers begin at 0.01, then at 0.1, so that units of ReLU are on.

    ## What it changes
    A loop over the modules right before the optimizer is made.

    ## References
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 8.4.
    """
    for value in BIASES:
        editor = program.editor(f"biases begin at {value:g}")
        for_layers(editor, program, "", f"constant_(module.bias, {value:g})")
        yield editor
