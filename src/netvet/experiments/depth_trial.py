"""Whether a net is too deep to be trained without shortcuts."""

from __future__ import annotations

from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.rescue import outcome, rescue
from netvet.experiments.swaps import plain_blocks, watched

# Fewer plain layers in a row than this train without help (Glorot and Bengio 2010 train five).
DEEP = 5
# Weights that are off stop a net of any depth: then they are to blame.
OTHERS = {"weights drawn as He et al. do": {"he-weights": True}}


@experiment(stage="overfit", title="depth can be trained", seconds=15, gate=False)
def depth_trial(lab: Lab) -> Outcome:
    """Train with shortcuts around the layers of a deep net that has neither these nor normalisation.

    ## Why it matters
    From layer to layer a plain net makes signals and gradients a little smaller, or a little larger. Over many layers
    that is the difference between learning and standing still.

    ## How it is done
    Of every layer whose output has the shape of its input the input is added to the output, at the same depth, with the
    same weights and learning rate. Both are trained at every seed and scored on held-out samples. Failed, if the
    program's own training has learned less than 70 % of what the twin has, on training samples too, at every seed and
    by a paired test, and neither a tenth nor ten times of its learning rate nor other initial weights help.

    ## Known problems
    Only layers of equal shape (linear and convolution) that are called once get shortcuts. Nets with normalisation or
    with sums of activations are left out: they have what a deep net needs.

    ## References
    He et al., "Deep Residual Learning for Image Recognition" (2016), section 4.1 (plain nets of 20 and 56 layers).
    """
    batch = lab.problem.train.batches[0]
    blocks = len(plain_blocks(lab.problem.learner(0), batch))
    if blocks < DEEP:
        return Outcome("not assessed", f"the net is not deep: {blocks} of its layers could have shortcuts")
    seen = watched(lab.problem.learner(0), batch)
    if seen.norms or seen.shortcuts:
        return Outcome("not assessed", "the net has normalisation or shortcuts")
    return outcome(
        rescue(lab, {"shortcuts": {"shortcuts": True}}, others={} if lab.problem.pretrained else OTHERS),
        what=f"{blocks} plain layers in a row",
        does="with {} around them",
        order="Add each block's input to its output, normalise between the layers, or make the net shallower.",
        suspect="unstable-depth",
    )
