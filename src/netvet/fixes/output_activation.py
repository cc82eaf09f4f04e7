"""The last activation of a model, as its loss wants it."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.keras_edits import activations
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(
    title="the last activation that the loss takes",
    mends=("logits-as-probabilities", "wrong-output-activation"),
    changes_loss=True,
    framework="keras",
)
def output_activation(program: Program) -> Iterator[Editor]:
    """Give the last layer the softmax or sigmoid that makes probabilities for its loss.

    ## What it changes
    `activation` of the last layer: a softmax in front of a cross-entropy of classes, a sigmoid in front of one of yes
    and no, where the loss is not told to make them of logits itself.

    ## References
    The documentation of `keras.losses.CategoricalCrossentropy` and `keras.losses.BinaryCrossentropy`.
    """
    yield from activations.output_activation(program)
