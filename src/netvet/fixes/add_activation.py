"""An activation between two linear layers."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.activations import usual
from netvet.fixes.fix import fix
from netvet.fixes.modules import behind, module_named
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="an activation between linear layers", mends=("missing-nonlinearity",))
def add_activation(program: Program) -> Iterator[Editor]:
    """Put an activation behind each linear layer that is followed by another one with nothing between.

    ## What it changes
    The call of the layer, `relu(self.fc1(x))`, or a layer behind it in a `Sequential`: the activation that the program
    uses elsewhere, else ReLU.

    ## References
    Goodfellow, Bengio and Courville, "Deep Learning" (2016), section 6.1: a composition of linear maps is linear.
    """
    pairs = (program.finding.evidence if program.finding is not None else {}).get("pairs") or []
    if not pairs:
        raise NotApplicable("the layers without an activation between them are not known")
    editor = program.editor("an activation between linear layers")
    function = usual(program)
    for first in dict.fromkeys(str(pair[0]) for pair in pairs):
        behind(editor, program, module_named(program, first), function)
    yield editor
