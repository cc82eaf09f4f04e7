"""Leaky ReLU in the place of activations that shut units off."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.activations import RECTIFYING, SQUASHING, with_activation
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="leaky ReLU between the layers",
    mends=("dead-relu", "zero-gradient", "saturated-activation", "saturating-activation", "vanishing-gradient"),
)
def leaky_relu(program: Program) -> Iterator[Editor]:
    """Leaky ReLU in the place of ReLU, sigmoid and tanh between the layers.

    ## What it changes
    The layers and calls whose output enters another layer. Gates and the activation of the output stay.

    ## References
    Maas, Hannun and Ng, "Rectifier nonlinearities improve neural network acoustic models" (2013).
    """
    yield with_activation(program, "LeakyReLU", {**SQUASHING, **RECTIFYING, "Hardtanh": ("Hardtanh", "ReLU6", "relu6")})
