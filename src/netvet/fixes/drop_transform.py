"""Training samples as they are."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.augmentation import flags, none_known, random_transforms
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, called


@fix(
    title="without a random transform",
    mends=("label-breaking-augmentation", "excessive-augmentation", "underfitting"),
    changes_loss=True,
)
def drop_transform(program: Program) -> Iterator[Editor]:
    """Leave out the augmentation of the training samples: one transform at a time, or all of it.

    ## What it changes
    `augment=True` of the training data set becomes `False`; or one random transform is taken out of the list that
    is composed.

    ## Known problems
    Where the augmentation is right, the net learns the training samples by heart sooner.

    ## References
    Shorten and Khoshgoftaar, "A survey on image data augmentation for deep learning" (2019): safety of augmentations.
    """
    given = flags(program)
    if given:
        editor = program.editor("training samples not augmented")
        for site, one in given:
            editor.replace(site.file, one.value, "False")
        yield editor
        return
    found = random_transforms(program)
    if not found:
        raise none_known()
    for file, call in found[:3]:
        editor = program.editor(f"without {called(call)}")
        element = file.parent(call)
        assert isinstance(element, (cst.Element, cst.Arg))
        editor.change(file, element, lambda _: cst.RemoveFromParent())
        yield editor
