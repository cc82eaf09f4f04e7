"""Missing and infinite values filled in."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.preprocessing import transformed
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable

DOC = "Inputs with 0 for values that are missing or infinite."


@fix(title="missing values filled in", mends=("non-finite-input",))
def clean_data(program: Program) -> Iterator[Editor]:
    """Put 0 in the place of NaN and infinite values as they enter the model.

    ## What it changes
    A function `filled`, through which the inputs go at each call of the model, in training and in evaluation.

    ## Known problems
    0 is the mean of standardised inputs, and a strong statement in others: there, fill in the mean or median before
    scaling. Statistics that are computed from data with NaN are NaN themselves: `guard-division` and the data's own
    preprocessing come first.

    ## References
    Little and Rubin, "Statistical analysis with missing data" (2019), chapter 4.
    """
    broken = [r for r in program.facts("inputs") if r.get("nonfinite") and r.get("model") != "(functions)"]
    broken = [r for r in broken if r.get("phase") == "train"] or broken
    if len(broken) != 1:
        raise NotApplicable("no input of a module holds values that are not finite")
    body = "x.nan_to_num(nan=0.0, posinf=0.0, neginf=0.0)"
    yield transformed(program, broken[0], "missing values filled in", "filled", DOC, body)
