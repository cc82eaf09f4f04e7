"""Inputs standardised."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.in_place import rescaled
from netvet.fixes.preprocessing import SEEN, axis, feature_statistics, numbers, transformed
from netvet.fixes.program import Program, Record
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

DOC = "Inputs with mean 0 and std 1, by the statistics of the training data."
STATISTICS = (
    "{mean}, {std} = {train}.mean({axis}), {train}.std({axis})",
    "{std}[{std} < 1e-6 * {std}.max()] = 1.0  # features that never vary",
)
WHOLE = ("{mean}, {std} = {train}.mean(), {train}.std()",)


@fix(
    title="inputs standardised",
    mends=(
        "unscaled-input", "uncentred-input", "unexpected-initial-loss", "loss-flat", "saturated-activation",
        "below-baseline", "underfitting",
    ),
)  # fmt: skip
def standardise(program: Program) -> Iterator[Editor]:
    """Subtract the mean of the training inputs and divide by their standard deviation.

    ## What it changes
    Behind the lines that make the arrays or tensors of inputs, their mean and standard deviation over the training
    samples, and all of them (of evaluation too) changed by these. Where it cannot be seen which variables these are: a
    function `standardise`, through which the inputs go at each call of the model, with the numbers that were seen in
    the run. First per feature (or channel), then with one mean and one std for all.

    ## Known problems
    Numbers that stand in the code belong to these data: with other data they are to be computed anew. A program that
    loads the weights elsewhere needs the same statistics there. Sparse features lose their zeros.

    ## References
    LeCun et al., "Efficient BackProp" (1998), section 4.3.
    """
    record = training_input(program)
    mean, std = record.get("mean"), record.get("std")
    if mean is None or not std:
        raise NotApplicable("the mean and std of the inputs are not known")
    known = feature_statistics(record) or ([mean], [std])
    if all(abs(m) < 0.1 and 0.8 < s < 1.25 for m, s in zip(*known, strict=True)):
        raise NotApplicable("the inputs are standardised already")
    if axis(record):
        try:
            what = "each input feature standardised"
            yield rescaled(program, record, what, STATISTICS, "({} - {mean}) / {std}", axis(record))
        except NotApplicable:
            if feature_statistics(record) is not None:
                yield _per_feature(program, record)
    what = "inputs standardised as a whole"
    try:
        yield rescaled(program, record, what, WHOLE, "({} - {mean}) / {std}", "")
    except NotApplicable:
        shifted = f"x - {numbers([mean])}" if mean >= 0 else f"x + {numbers([-mean])}"
        body = f"({shifted}) / {numbers([std])}{SEEN}"
        yield transformed(program, record, what, "standardise", DOC, body)


def _per_feature(program: Program, record: Record) -> Editor:
    """The variant with a mean and a std for each feature, as numbers."""
    known = feature_statistics(record)
    assert known is not None
    view = ".view(-1, 1, 1)" if len(record.get("shape") or ()) == 4 else ""
    head = f"#{SEEN.partition('#')[2]}\nINPUT_MEAN = torch.tensor([{numbers(known[0])}]){view}\n"
    head += f"INPUT_STD = torch.tensor([{numbers(known[1])}]){view}\n"
    body = "(x - INPUT_MEAN.to(x)) / INPUT_STD.to(x)"
    return transformed(program, record, "each input feature standardised", "standardise", DOC, body, head)
