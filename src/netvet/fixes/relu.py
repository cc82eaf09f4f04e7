"""ReLU in the place of squashing activations."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.activations import SQUASHING, with_activation
from netvet.fixes.fix import fix
from netvet.fixes.inits import he_init_all
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="ReLU between the layers",
    mends=("saturating-activation", "saturated-activation", "vanishing-gradient", "loss-flat"),
)
def relu(program: Program) -> Iterator[Editor]:
    """ReLU in the place of sigmoid and tanh between the layers; then with weights drawn as He et al. do.

    ## What it changes
    The layers and calls whose output enters another layer. Gates (what is multiplied with something) and the
    activation of the output stay.

    ## Known problems
    Nets that need smooth derivatives (physics-informed nets, second derivatives in the loss) learn less with ReLU.

    ## References
    Glorot, Bordes and Bengio, "Deep sparse rectifier neural networks" (2011); He et al., "Delving deep into
    rectifiers" (2015), section 2.2.
    """
    yield with_activation(program, "ReLU", SQUASHING)
    both = with_activation(program, "ReLU", SQUASHING)
    he_init_all(both, program)
    both.what += ", He initialisation"
    yield both
