"""Smaller weights at the start."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.inits import before_optimizer, for_layers
from netvet.fixes.modules import weighted
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="smaller weights at the start",
    mends=("unexpected-initial-loss", "badly-scaled-init", "exploding-gradient", "hockey-stick-loss"),
)
def smaller_init(program: Program) -> Iterator[Editor]:
    """A tenth of the last layer's weights, then Gaussian weights of 0.01 in a net with at most two layers.

    ## What it changes
    Lines right before the optimizer is made.

    ## Known problems
    In a deep net small weights everywhere let the signal vanish: there only the last layer is changed.

    ## References
    Goyal et al., "Accurate, large minibatch SGD" (2017), section 5.1: a last layer drawn with 0.01.
    """
    layers = weighted(program)
    last = str(layers[-1].get("name"))
    path = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in last.split("."))
    editor = program.editor("a tenth of the last layer's weights")
    before_optimizer(editor, program, f"with torch.no_grad():\n    {{model}}{path}.weight.mul_(0.1)\n")
    yield editor
    if len(layers) <= 2:
        editor = program.editor("Gaussian weights of 0.01")
        for_layers(editor, program, "normal_(module.weight, std=0.01)")
        yield editor
