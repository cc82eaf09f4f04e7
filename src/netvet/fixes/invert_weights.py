"""Class weights the right way up."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.program import Program, argument
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.weight_options import given_weights, position, weighed


@fix(
    title="inverse class weights",
    mends=("wrong-class-weights",),
    cost="accuracy elsewhere",
    changes_loss=True,
    metric="balanced accuracy",
)
def invert_weights(program: Program) -> Iterator[Editor]:
    """Weigh classes by the inverse of the weights that grow with their frequency.

    ## What it changes
    `weight=1 / weights` where the loss is made or called, and `pos_weight` likewise.

    ## References
    King and Zeng, "Logistic regression in rare events data" (2001).
    """
    call = weighed(program)
    name = "pos_weight" if call.record.get("pos_weight") is not None else "weight"
    value = call.record.get(name)
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, (int, float)) and v > 0 for v in values):
        raise NotApplicable("a weight is 0, which has no inverse")
    editor = program.editor("inverse class weights")
    for site in given_weights(program, call, name):
        given = argument(site.call, name, position(site, name, call))
        assert given is not None
        node = given.value
        editor.replace(site.file, node, f"1 / {held(node)}")
    yield editor
