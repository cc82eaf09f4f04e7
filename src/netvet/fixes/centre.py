"""Inputs centred."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.preprocessing import feature_statistics, numbers, transformed
from netvet.fixes.program import Program
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

DOC = "Inputs without the mean of the training data."


@fix(title="inputs centred", mends=("uncentred-input",))
def centre(program: Program) -> Iterator[Editor]:
    """Subtract the mean of the training inputs; their scale stays.

    ## What it changes
    A function `centre`, through which the inputs go at each call of the model, in training and in evaluation: with
    the mean of each feature (or channel) where it is known, else with one mean for all.

    ## Known problems
    The numbers belong to these data: with other data they are to be computed anew.

    ## References
    LeCun et al., "Efficient BackProp" (1998), section 4.3.
    """
    record = training_input(program)
    known, mean = feature_statistics(record), record.get("mean")
    if known is not None:
        view = ".view(-1, 1, 1)" if len(record.get("shape") or ()) == 4 else ""
        head = f"INPUT_MEAN = torch.tensor([{numbers(known[0])}]){view}\n"
        yield transformed(program, record, "each input feature centred", "centre", DOC, "x - INPUT_MEAN.to(x)", head)
    elif mean is not None:
        yield transformed(program, record, "inputs centred as a whole", "centre", DOC, f"x - {numbers([mean])}")
    else:
        raise NotApplicable("the mean of the inputs is not known")
