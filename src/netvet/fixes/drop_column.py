"""The target kept out of the input."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.preprocessing import transformed
from netvet.fixes.program import Program
from netvet.fixes.samples import is_floating
from netvet.fixes.source import Editor, NotApplicable


@fix(title="target kept out of the input", mends=("target-in-input",), corrects_score=True)
def drop_column(program: Program) -> Iterator[Editor]:
    """Set the input column that gives the target away to 0, for each sample.

    ## What it changes
    A function `without_target`, through which the inputs go at each call of the model, in training and in
    evaluation. The number of inputs stays, so that the model needs no change.

    ## Known problems
    The score becomes worse, as it should. Other columns that are computed from the target stay: look at each. In the
    end, leave the column out where the data are read.

    ## References
    Kaufman et al., "Leakage in data mining" (2012).
    """
    told = [r for r in program.facts("target_in_input") if isinstance(r.get("column"), int) and r.get("step") is None]
    told = [r for r in told if not isinstance(r.get("column"), bool)]
    if len(told) != 1:
        raise NotApplicable("no single column of the input is the target")
    column, model = told[0]["column"], told[0].get("model")
    found = [r for r in program.facts("inputs") if r.get("phase") == "train" and r.get("model") == model]
    found = [r for r in found if is_floating(r) and len(r.get("shape") or ()) == 2]
    if len(found) != 1 or not 0 <= column < found[0]["shape"][1]:
        raise NotApplicable("which input of the model holds the target is not known")
    head = f"INPUT_KEPT = torch.ones({found[0]['shape'][1]})\nINPUT_KEPT[{column}] = 0.0\n"
    doc = "Inputs without the column that gives the target away."
    what = f"column {column} of the input set to 0"
    yield transformed(program, found[0], what, "without_target", doc, "x * INPUT_KEPT.to(x)", head)
