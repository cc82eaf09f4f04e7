"""Pixels scaled to between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.in_place import rescaled
from netvet.fixes.preprocessing import transformed
from netvet.fixes.program import Program, Record
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

# Below, the pixels have fewer bits, as those of the digits of scikit-learn (0 to 16) do.
BYTES = 64


@fix(title="pixels between 0 and 1", mends=("unscaled-input", "unexpected-initial-loss"))
def scale_pixels(program: Program) -> Iterator[Editor]:
    """Divide pixels by the largest value that they can have.

    ## What it changes
    Behind the lines that make the arrays or tensors of inputs, all of them (of evaluation too) are divided by 255, or
    by the largest training pixel where that is lower. Where it cannot be seen which variables these are: a function
    `scale_pixels`, through which the inputs go at each call of the model.

    ## Known problems
    Pixels between 0 and 1 are not centred; `standardise` does both.

    ## References
    The documentation of `torchvision.transforms.ToTensor`.
    """
    record = training_input(program)
    low, high = record.get("min"), record.get("max")
    if low is None or high is None or not record.get("integral") or low < 0 or not 2 < high <= 255:
        raise NotApplicable("the inputs are no whole numbers between 0 and 255")
    most = 255 if high > BYTES else int(high)
    what = f"pixels divided by {most}"
    try:
        yield _in_place(program, record, what, most)
    except NotApplicable:
        doc = f"Pixels between 0 and 1 of whole numbers from 0 to {most}."
        yield transformed(program, record, what, "scale_pixels", doc, f"x / {most}")


def _in_place(program: Program, record: Record, what: str, most: int) -> Editor:
    if most == 255:  # what a byte can hold, whatever the data
        return rescaled(program, record, what, (), "{} / 255", "")
    return rescaled(program, record, what, ("{mean} = {train}.max()",), "{} / {mean}", "", "highest")
