"""Class weights in the order of the class numbers."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.weight_options import given_weights, position, weighed


@fix(
    title="class weights in the order of the classes",
    mends=("wrong-class-weights",),
    changes_loss=True,
    metric="balanced accuracy",
)
def reorder_weights(program: Program) -> Iterator[Editor]:
    """Give inverse frequencies to the classes that they are of.

    ## What it changes
    The weights are indexed where the loss gets them, so that the rarest class has the largest.

    ## Known problems
    The order is that of the frequencies in the run: better compute the weights from the class numbers themselves.

    ## References
    The documentation of `torch.nn.CrossEntropyLoss`: weight is a tensor of size C.
    """
    call = weighed(program)
    weights, counts = call.record.get("weight"), call.record.get("counts")
    if not isinstance(weights, list) or not isinstance(counts, list) or len(weights) != len(counts):
        raise NotApplicable("the weights or the counts of the classes are not known")
    smallest_first = sorted(range(len(weights)), key=lambda i: weights[i])
    commonest_first = sorted(range(len(counts)), key=lambda i: -(counts[i] or 0))
    order = [0] * len(weights)
    for place, label in enumerate(commonest_first):
        order[label] = smallest_first[place]
    if order == list(range(len(order))):
        raise NotApplicable("the weights are in the order of the classes")
    editor = program.editor("class weights in the order of the classes")
    for site in given_weights(program, call, "weight"):
        given = argument(site.call, "weight", position(site, "weight", call))
        assert given is not None
        editor.replace(site.file, given.value, f"{held(given.value)}[{order}]")
    yield editor
