"""Weights drawn as He et al. do."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.inits import he_init_all
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="He initialisation",
    mends=("badly-scaled-init", "dead-relu", "vanishing-gradient", "exploding-gradient", "symmetric-init", "loss-flat"),
)
def he_init(program: Program) -> Iterator[Editor]:
    """Draw the weights of linear and convolutional layers to fit ReLU; biases begin at zero.

    ## What it changes
    A loop over the modules right before the optimizer is made, so that it overrules what was set before.

    ## Known problems
    With sigmoid or tanh between the layers `xavier-init` fits. Weights that were loaded would be lost: there it is
    not made.

    ## References
    He et al., "Delving deep into rectifiers" (2015), equation 10.
    """
    editor = program.editor("He initialisation")
    he_init_all(editor, program)
    yield editor
