"""A causal mask for attention."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.masks import ORDER, attention_calls, batch_first, give
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="a causal mask", mends=("future-leak",), changes_loss=True, corrects_score=True)
def causal_mask(program: Program) -> Iterator[Editor]:
    """Let attention see positions up to its own only.

    ## What it changes
    The calls of PyTorch's attention layers are given the mask of `Transformer.generate_square_subsequent_mask`.

    ## Known problems
    The loss rises to what the task allows: before, the answer was in the input.

    ## References
    Vaswani et al., "Attention is all you need" (2017), section 3.2.3.
    """
    editor = program.editor("a causal mask")
    for site, record in attention_calls(program):
        given = site.call.args[0].value if site.call.args else None
        if not isinstance(given, cst.Name):
            raise NotApplicable("what attention is given has no name")
        x, axis = given.value, 1 if batch_first(program, record) else 0
        made = f"torch.nn.Transformer.generate_square_subsequent_mask({x}.size({axis}), device={x}.device)"
        give(editor, site, ORDER[str(record.get("cls"))], made)
        editor.require(site.file, "torch", "import torch")
    yield editor
