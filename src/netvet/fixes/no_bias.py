"""No bias in layers in front of a norm."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.modules import made_by, module_named
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable


@fix(title="no bias in front of a norm", mends=("bias-before-norm",))
def no_bias(program: Program) -> Iterator[Editor]:
    """Say `bias=False` in the layers in front of a norm, which takes their bias away.

    ## What it changes
    The calls that make these layers.

    ## Known problems
    Code that sets the biases of these layers by name no longer finds them: there it is not made.

    ## References
    Ioffe and Szegedy, "Batch normalization" (2015), section 3.2: the bias can be ignored.
    """
    names = [str(n) for n in (program.finding.evidence if program.finding is not None else {}).get("biases") or ()]
    if not names:
        raise NotApplicable("the layers in front of a norm are not known")
    layers = {name.removesuffix(".bias") for name in names}
    editor = program.editor("no bias in front of a norm")
    for site, records in made_by(program, [module_named(program, name) for name in sorted(layers)]):
        cls, line = records[0].get("cls"), records[0].get("created_line")
        same = [m for m in program.facts("modules") if m.get("cls") == cls and m.get("created_line") == line]
        if any(str(m.get("name")) not in layers for m in same) and len(records) != 1:
            raise NotApplicable("the call makes layers that need their bias, too")
        if any(_sets_bias(site.file.code(s)) for s in site.file.nodes(cst.SimpleStatementLine)):
            raise NotApplicable("the program sets biases by name")
        set_argument(editor, site, "bias", "False")
    yield editor


def _sets_bias(code: str) -> bool:
    return ".bias" in code
