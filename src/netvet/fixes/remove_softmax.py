"""No softmax before a loss that makes its own."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.layers import without_layer
from netvet.fixes.program import Program
from netvet.fixes.source import Editor


@fix(title="no softmax before the loss", mends=("double-softmax", "wrong-output-activation"), changes_loss=True)
def remove_softmax(program: Program) -> Iterator[Editor]:
    """Take the softmax away whose output enters a loss that applies softmax itself.

    ## What it changes
    The call or the layer of softmax. Predictions by arg-max are the same; who prints probabilities calls softmax there.

    ## References
    The documentation of `torch.nn.CrossEntropyLoss`: its input is expected to contain the unnormalized logits.
    """
    yield without_layer(program, ("softmax", "Softmax", "log_softmax", "LogSoftmax", "Softmax2d"))
