"""The last bias set to what the targets are on average."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.fixes.fix import fix
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.target_statistics import only_model, share_counts, training_targets

BINARY = ("binary_cross_entropy_with_logits", "binary_cross_entropy")
CLASSES = ("cross_entropy", "nll_loss")
# Shares at the edge have no finite logarithm: that of one sample in a thousand is as far as a bias goes.
RAREST = 1e-3


@fix(
    title="the last bias at the mean of the targets",
    mends=("wrong-final-bias", "unexpected-initial-loss", "hockey-stick-loss", "unscaled-target"),
)
def final_bias(program: Program) -> Iterator[Editor]:
    """Start the bias of the last layer at the mean of the targets, or at the log shares of the classes.

    ## What it changes
    Behind the making of the model, its last bias is filled: with the mean (regression), the log odds of the positives
    (binary cross-entropy), the log of each class's share (cross-entropy). The numbers are those of the run.

    ## Known problems
    Another data set has other shares: compute them anew there. A checkpoint that is loaded later overwrites the bias.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019): "init well". Lin et al., "Focal loss" (2017), section 3.3.
    """
    record = _layer(program)
    layer = str(record["layer"])
    target = training_targets(program)
    value = _value(program, record, target)
    model, site = only_model(program)
    owner = f"{model}.get_submodule({layer!r})" if any(p.isdigit() for p in layer.split(".")) else f"{model}.{layer}"
    biased = [p for p in program.facts("parameters") if p.get("name") == f"{layer}.bias"]
    if not biased:
        raise NotApplicable(f"{layer} has no bias")
    editor = program.editor("the last bias at the mean of the targets")
    fill = f"copy_(torch.tensor({value}))" if isinstance(value, list) else f"fill_({value:.4g})"
    owner = owner.replace("'", '"')
    editor.insert(site.file, site.call, before=f"with torch.no_grad():\n    {owner}.bias.{fill}\n")
    editor.require(site.file, "torch", "import torch")
    yield editor


def _layer(program: Program) -> Record:
    """The last layer, as the run has found it.

    Raises:
        NotApplicable: it has not.
    """
    found = [r for r in program.facts("final_bias") if r.get("layer")]
    if len(found) != 1:
        raise NotApplicable("the layer that ends the model is not known")
    return found[0]


def _value(program: Program, record: Record, target: Record) -> float | list[float]:
    function, mean = record.get("function"), target.get("mean")
    outputs = len(record["predicted"]) if isinstance(record.get("predicted"), list) else 1
    if function in CLASSES:
        counts = share_counts(program, record.get("site"))
        if len(counts) != outputs:
            raise NotApplicable("the shares of the classes are not known")
        return [round(math.log(max(c / sum(counts), RAREST)), 3) for c in counts]
    if not isinstance(mean, (int, float)) or outputs != 1:
        raise NotApplicable("the mean of the targets of each output is not known")
    if function in BINARY:
        share = min(max(float(mean), RAREST), 1 - RAREST)
        return math.log(share / (1 - share))
    return float(mean)
