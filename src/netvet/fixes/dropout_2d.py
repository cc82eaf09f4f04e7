"""Dropout of whole channels behind convolutions."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import rename
from netvet.fixes.fix import fix
from netvet.fixes.modules import made, of_class
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable

IMAGES = 4  # axes of [samples, channels, height, width]


@fix(title="dropout of whole channels", mends=("elementwise-dropout-in-conv",))
def dropout_2d(program: Program) -> Iterator[Editor]:
    """`Dropout2d` in the place of `Dropout` on maps of features.

    ## What it changes
    The class of the layers of dropout that images of features enter.

    ## Known problems
    A layer that is called on vectors, too, drops other parts of them: there it is not made.

    ## References
    Tompson et al., "Efficient object localization using convolutional networks" (2015), section 3.2.
    """
    editor = program.editor("dropout of whole channels")
    maps = [m for m in of_class(program, "Dropout") if len(m.get("input_shape") or ()) == IMAGES]
    if not maps:
        raise NotApplicable("no layer of dropout gets maps of features")
    for one in maps:
        if int(one.get("called") or 1) > 1:
            raise NotApplicable(f"{one.get('name')} is called several times, perhaps on vectors too")
        site = made(program, one)
        if "." in site.code(site.call.func):
            rename(editor, site, "Dropout2d", "torch.nn")
        else:
            editor.replace(site.file, site.call.func, "torch.nn.Dropout2d")
            editor.require(site.file, "torch", "import torch")
    yield editor
