"""bfloat16 in the place of float16."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, called, last_name

HALF = ("float16", "half")


@fix(title="bfloat16 in the place of float16", mends=("unscaled-half-precision", "loss-not-finite"))
def bfloat16(program: Program) -> Iterator[Editor]:
    """Compute in bfloat16, which has the range of float32, where autocast computes in float16.

    ## What it changes
    The dtype of every `autocast` of the files that train.

    ## Known problems
    Devices before Ampere have no fast bfloat16; it has three bits less than float16.

    ## References
    Kalamkar et al., "A study of bfloat16 for deep learning training" (2019).
    """
    editor = program.editor("bfloat16 in the place of float16")
    found = False
    for path in {site.file.path for site in (*program.steps, *program.backwards)}:
        file = program.sources.file(path)
        for call in file.nodes(cst.Call):
            for one in call.args if called(call) == "autocast" else ():
                if last_name(one.value) in HALF and isinstance(one.value, cst.Attribute):
                    editor.change(file, one.value.attr, lambda _: cst.Name("bfloat16"))
                    found = True
    if not found:
        raise NotApplicable("no autocast is given float16")
    yield editor
