"""Rare classes weigh more in the loss."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import LossCall, holders
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.target_statistics import share_counts
from netvet.fixes.weight_options import device, weighed


@fix(
    title="classes weighted by their rarity",
    mends=("class-imbalance", "collapsed-prediction"),
    cost="accuracy elsewhere",
    changes_loss=True,
    metric="balanced accuracy",
)
def class_weights(program: Program) -> Iterator[Editor]:
    """Weigh each class by the inverse of its share in the training targets, then by the root of that.

    ## What it changes
    `weight` of a cross-entropy, or `pos_weight` of a binary one, in training; a loss module that evaluation uses, too,
    weighs there as well. The numbers are from the targets that the run counted.

    ## Known problems
    Rare classes are found more often, and common samples are more often called rare: plain accuracy may fall. The
    outputs are no longer probabilities of classes as they occur.

    ## References
    King and Zeng, "Logistic regression in rare events data" (2001). He and Garcia, "Learning from imbalanced data"
    (2009).
    """
    call = weighed(program)
    counts = share_counts(program, call.record.get("site"))
    if len(counts) < 2 or min(counts) <= 0:
        raise NotApplicable("not every class was seen")
    if call.record.get("weight") is not None or call.record.get("pos_weight") is not None:
        raise NotApplicable("the loss has weights already")
    for power, what in ((1.0, "inverse shares"), (0.5, "roots of inverse shares")):
        name, value = _option(call, counts, power, device(program))
        editor = program.editor(f"classes weighted by {what}")
        for site in holders([call]):
            set_argument(editor, site, name, value)
            editor.require(site.file, "torch", "import torch")
        yield editor


def _option(call: LossCall, counts: list[float], power: float, where: str) -> tuple[str, str]:
    if call.function == "binary_cross_entropy_with_logits":
        if len(counts) != 2:
            raise NotApplicable("the loss has several outputs, whose shares are not known")
        return "pos_weight", f"torch.tensor({(counts[0] / counts[1]) ** power:.4g}{where})"
    if len(counts) != call.record.get("classes"):
        raise NotApplicable("not every class was seen")
    weights = [(sum(counts) / len(counts) / c) ** power for c in counts]
    listed = ", ".join(repr(float(f"{w:.4g}")) for w in weights)
    return "weight", f"torch.tensor([{listed}]{where})"
