"""Weight decay on matrices only."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record, argument
from netvet.fixes.source import Editor, NotApplicable, called


@fix(title="no weight decay on biases and norms", mends=("shrinking-weights", "oversized-regularisation"))
def no_decay_on_norms(program: Program) -> Iterator[Editor]:
    """Leave biases and the weights of norms out of weight decay.

    ## What it changes
    The optimizer is given two groups: tensors of two axes and more, and the others without decay.

    ## Known problems
    Code that reads or sets the first parameter group alone sees only the matrices.

    ## References
    Jia et al., "Highly scalable deep learning training system" (2018), section 3.1; Karpathy's nanoGPT.
    """
    editor = program.editor("no weight decay on biases and norms")
    for site in program.optimizers:
        given = argument(site.call, "params", 0)
        group: Record = next(iter(site.record.get("groups") or ()), {})
        decay = group.get("weight_decay")
        if not decay:
            raise NotApplicable("there is no weight decay")
        plain = given is not None and isinstance(given.value, cst.Call) and called(given.value) == "parameters"
        if given is None or not plain:
            raise NotApplicable("the optimizer is not given model.parameters()")
        code = site.code(given.value)
        matrices = f'{{"params": [p for p in {code} if p.ndim > 1]}}'
        others = f'{{"params": [p for p in {code} if p.ndim <= 1], "weight_decay": 0.0}}'
        editor.replace(site.file, given.value, f"[{matrices}, {others}]")
    yield editor
