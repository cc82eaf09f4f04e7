"""GELU in the place of other activations."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.activations import RECTIFYING, SQUASHING, with_activation
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="GELU between the layers",
    mends=("saturating-activation", "saturated-activation", "dead-relu", "vanishing-gradient"),
)
def gelu(program: Program) -> Iterator[Editor]:
    """GELU in the place of ReLU, sigmoid and tanh between the layers.

    ## What it changes
    The layers and calls whose output enters another layer. Gates and the activation of the output stay.

    ## References
    Hendrycks and Gimpel, "Gaussian error linear units" (2016).
    """
    yield with_activation(program, "GELU", {**SQUASHING, **RECTIFYING, "Hardtanh": ("Hardtanh", "ReLU6", "relu6")})
