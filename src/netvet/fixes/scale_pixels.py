"""Pixels scaled to between 0 and 1."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.preprocessing import transformed
from netvet.fixes.program import Program
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

# Below, the pixels have fewer bits, as those of the digits of scikit-learn (0 to 16) do.
BYTES = 64


@fix(title="pixels between 0 and 1", mends=("unscaled-input", "unexpected-initial-loss"))
def scale_pixels(program: Program) -> Iterator[Editor]:
    """Divide pixels by the largest value that they can have.

    ## What it changes
    A function `scale_pixels`, through which the inputs go at each call of the model, in training and in evaluation.

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
    doc = f"Pixels between 0 and 1 of whole numbers from 0 to {most}."
    yield transformed(program, record, f"pixels divided by {most}", "scale_pixels", doc, f"x / {most}")
