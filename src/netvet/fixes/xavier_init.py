"""Weights drawn as Glorot and Bengio do."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.inits import for_layers
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="Xavier initialisation",
    mends=("badly-scaled-init", "saturated-activation", "vanishing-gradient", "exploding-gradient", "symmetric-init"),
)
def xavier_init(program: Program) -> Iterator[Editor]:
    """Draw the weights of linear and convolutional layers so that signal and gradient keep their size.

    ## What it changes
    A loop over the modules right before the optimizer is made, so that it overrules what was set before; biases
    begin at zero.

    ## Known problems
    Many layers with ReLU between them lose half of the variance at each: there `he-init` fits.

    ## References
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010), equation 16.
    """
    editor = program.editor("Xavier initialisation")
    for_layers(editor, program, "xavier_uniform_(module.weight)")
    yield editor
