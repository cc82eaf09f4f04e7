"""Inputs standardised."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.preprocessing import feature_statistics, numbers, transformed
from netvet.fixes.program import Program, Record
from netvet.fixes.samples import training_input
from netvet.fixes.source import Editor, NotApplicable

DOC = "Inputs with mean 0 and std 1, by the statistics of the training data."


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
    A function `standardise`, through which the inputs go at each call of the model, in training and in evaluation.
    First per feature (or channel), then with one mean and one std for all. The numbers are those of the training
    inputs that were seen in the run.

    ## Known problems
    The numbers belong to these data: with other data they are to be computed anew. A program that loads the weights
    elsewhere needs the function there too. Sparse features lose their zeros.

    ## References
    LeCun et al., "Efficient BackProp" (1998), section 4.3.
    """
    record = training_input(program)
    mean, std = record.get("mean"), record.get("std")
    if mean is None or not std:
        raise NotApplicable("the mean and std of the inputs are not known")
    if abs(mean) < 0.1 and 0.8 < std < 1.25 and feature_statistics(record) is None:
        raise NotApplicable("the inputs are standardised already")
    if feature_statistics(record) is not None:
        yield per_feature(program, record)
    body = f"(x - {numbers([mean])}) / {numbers([std])}"
    yield transformed(program, record, "inputs standardised as a whole", "standardise", DOC, body)


def per_feature(program: Program, record: Record) -> Editor:
    """The variant with a mean and a std for each feature."""
    known = feature_statistics(record)
    assert known is not None
    view = ".view(-1, 1, 1)" if len(record.get("shape") or ()) == 4 else ""
    head = f"INPUT_MEAN = torch.tensor([{numbers(known[0])}]){view}\n"
    head += f"INPUT_STD = torch.tensor([{numbers(known[1])}]){view}\n"
    body = "(x - INPUT_MEAN.to(x)) / INPUT_STD.to(x)"
    return transformed(program, record, "each input feature standardised", "standardise", DOC, body, head)
