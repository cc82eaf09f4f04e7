"""A loss that is told whether it gets logits."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.keras_edits import losses
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="from_logits as the last layer has it",
    mends=("double-softmax", "double-sigmoid", "logits-as-probabilities"),
    changes_loss=True,
    framework="keras",
)
def from_logits(program: Program) -> Iterator[Editor]:
    """Tell the loss whether the model gives logits or probabilities.

    ## What it changes
    `from_logits=True` is taken out where the last layer is a softmax or sigmoid, and given where it is linear. The
    model gives what it gave before.

    ## Known problems
    `metrics=["accuracy"]` takes the outputs of a binary model for probabilities, whatever the loss is told.

    ## References
    The documentation of `keras.losses.CategoricalCrossentropy`.
    """
    yield from losses.from_logits(program)
