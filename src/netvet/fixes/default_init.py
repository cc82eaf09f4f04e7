"""Weights as PyTorch draws them."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.inits import LAYERS, remove_lines, setting_lines
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor

FIT = (*LAYERS, "Embedding", "LSTM", "GRU", "RNN", "Bilinear")


@fix(
    title="the initialisation that layers draw themselves",
    mends=("badly-scaled-init", "symmetric-init", "dead-relu", "exploding-gradient", "vanishing-gradient"),
)
def default_init(program: Program) -> Iterator[Editor]:
    """Take the lines out that set weights, and biases that do not begin at zero: layers draw fitting ones themselves.

    ## What it changes
    The statements that set the parameters of layers before training, and blocks that are empty without them.

    ## References
    The documentation of `torch.nn.Linear`: weights and biases are drawn uniformly within 1 / sqrt(inputs).
    """
    editor = program.editor("the initialisation that layers draw themselves")
    layers = {str(m.get("name")) for m in program.facts("modules") if m.get("cls") in FIT}
    chosen = [p for p in program.facts("parameters") if p.get("layer") in layers and _set(p)]
    remove_lines(editor, setting_lines(program, chosen))
    yield editor


def _set(parameter: Record) -> bool:
    """A matrix or kernel, or a bias that does not begin at zero."""
    matrix = len(parameter.get("shape") or ()) > 1
    return matrix or bool(parameter.get("init_mean"))
