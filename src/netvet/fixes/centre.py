"""Inputs centred."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.in_place import rescaled
from netvet.fixes.preprocessing import SEEN, axis, feature_statistics, numbers, transformed
from netvet.fixes.program import Program, Record
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

DOC = "Inputs without the mean of the training data."


@fix(title="inputs centred", mends=("uncentred-input",))
def centre(program: Program) -> Iterator[Editor]:
    """Subtract the mean of the training inputs; their scale stays.

    ## What it changes
    Behind the lines that make the arrays or tensors of inputs, the mean of the training samples per feature (or
    channel) is subtracted from all of them, of evaluation too. Where it cannot be seen which variables these are: a
    function `centre`, through which the inputs go at each call of the model, with the numbers that the run has seen.

    ## Known problems
    Numbers that stand in the code belong to these data: with other data they are to be computed anew.

    ## References
    LeCun et al., "Efficient BackProp" (1998), section 4.3.
    """
    record = training_input(program)
    features = axis(record)
    what = "each input feature centred" if features else "inputs centred as a whole"
    try:
        yield rescaled(program, record, what, (f"{{mean}} = {{train}}.mean({features})",), "{} - {mean}", features)
    except NotApplicable:
        yield _with_numbers(program, record)


def _with_numbers(program: Program, record: Record) -> Editor:
    known, mean = feature_statistics(record), record.get("mean")
    if known is not None:
        view = ".view(-1, 1, 1)" if len(record.get("shape") or ()) == 4 else ""
        head = f"#{SEEN.partition('#')[2]}\nINPUT_MEAN = torch.tensor([{numbers(known[0])}]){view}\n"
        return transformed(program, record, "each input feature centred", "centre", DOC, "x - INPUT_MEAN.to(x)", head)
    if mean is None:
        raise NotApplicable("the mean of the inputs is not known")
    body = f"x - {numbers([mean])}{SEEN}" if mean >= 0 else f"x + {numbers([-mean])}{SEEN}"
    return transformed(program, record, "inputs centred as a whole", "centre", DOC, body)
