"""Dropout in front of the last layer."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.dropouts import calls, layers, with_rate
from netvet.fixes.fix import fix
from netvet.fixes.modules import holder, insert_layer, made, prefix, weighted, wrap_input
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable

# 0.5 for hidden units is what Srivastava et al. (2014) use throughout; less suits small nets.
RATES = (0.5, 0.2)


@fix(title="dropout in front of the last layer", mends=("overfitting",))
def more_dropout(program: Program) -> Iterator[Editor]:
    """Drop half of what enters the last layer, then a fifth; where there is dropout already, more of it.

    ## What it changes
    A layer in front of the last one of a `Sequential`, else a call of dropout around what the last layer is given.

    ## References
    Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting" (2014), section 7.
    """
    if layers(program) or calls(program):
        yield with_rate(program, RATES[0])
        return
    last = weighted(program)[-1]
    for rate in RATES:
        editor = program.editor(f"dropout of {rate:g} in front of the last layer")
        site = made(program, last)
        held = holder(site)
        if held is not None:
            insert_layer(editor, site.file, held, f"{prefix(site)}Dropout({rate:g})", front=True)
        elif last.get("called_file"):
            wrap_input(editor, program, last, f"torch.nn.functional.dropout({{}}, {rate:g}, training=self.training)")
            editor.require(program.file(last, "called_")[0], "torch", "import torch")
        else:
            raise NotApplicable("the call of the last layer is not known")
        yield editor
