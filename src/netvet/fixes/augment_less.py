"""A weaker augmentation."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.augmentation import flags, none_known, random_transforms, strengths
from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(title="weaker augmentation", mends=("excessive-augmentation",), changes_loss=True)
def augment_less(program: Program) -> Iterator[Editor]:
    """Halve the strength of the augmentation, then leave it out.

    ## What it changes
    Where the data set reads a sample: shares of random numbers (`rand() < 0.4`) and shifts to both sides
    (`randint(-2, 3)`) become half. Then `augment=True` of the training data set becomes `False`, or all random
    transforms are taken out of the list that is composed.

    ## References
    Cubuk et al., "RandAugment" (2020): the best strength depends on the size of the net and of the data.
    """
    numbers, given, found = strengths(program), flags(program), random_transforms(program)
    if not numbers and not given and not found:
        raise none_known()
    if numbers:
        editor = program.editor("augmentation half as strong")
        for file, node, value in numbers:
            editor.replace(file, node, value)
        yield editor
    if given or found:
        editor = program.editor("training samples not augmented")
        for site, one in given:
            editor.replace(site.file, one.value, "False")
        for file, call in found:
            element = file.parent(call)
            assert isinstance(element, (cst.Element, cst.Arg))
            editor.change(file, element, lambda _: cst.RemoveFromParent())
        yield editor
