"""One output for each class."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.last_layers import last_layer, with_outputs
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="one output for each class", mends=("label-out-of-range", "mismatched-loss"))
def more_outputs(program: Program) -> Iterator[Editor]:
    """Give the last layer as many outputs as there are class numbers.

    ## What it changes
    The number of outputs where the last layer is made.

    ## Known problems
    Where labels begin at 1, one output stays unused: start-at-zero is the cleaner way.

    ## References
    The documentation of `torch.nn.CrossEntropyLoss`.
    """
    highest = [
        int(t["max"]) for t in program.facts("targets") if t.get("kind") in ("classes", "sequence") and t.get("max")
    ]
    for run in program.facts("run"):
        found = re.search(r"Target (\d+) is out of bounds", str(run.get("exception")))
        highest += [int(found[1])] if found else []
    layer = last_layer(program)
    if not highest or max(highest) < layer.outputs:
        raise NotApplicable("every class has an output")
    editor = program.editor(f"{max(highest) + 1} outputs")
    with_outputs(editor, layer, max(highest) + 1)
    yield editor
