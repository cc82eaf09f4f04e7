"""Whether squashing activations between the layers keep a net from learning."""

from __future__ import annotations

from typing import Any

from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.rescue import outcome, rescue
from netvet.experiments.swaps import watched

# Weights that are off stop a net whatever its activations are: then they are to blame.
OTHERS = {"weights drawn as He et al. do": {"he-weights": True}}


@experiment(stage="overfit", title="activations let gradients through", seconds=15, gate=False)
def activation_trial(lab: Lab) -> Outcome:
    """Train with ReLU in the place of sigmoid or tanh between the layers.

    ## Why it matters
    The slope of a sigmoid is a quarter at most, and near zero where its input is large. A few of them in a row leave
    next to nothing of the gradient for the first layers.

    ## How it is done
    The calls of one step are watched: a sigmoid, tanh or the like whose output enters another layer is hidden; gates
    and outputs are not. Twins with ReLU there, then with weights that are drawn as He et al. do for it, are trained
    beside the program's own, at every seed, and scored on held-out samples. Failed, if the program's own training has
    learned less than 70 % of what the twin has, on training samples too, at every seed and by a paired test, and a
    tenth and ten times of its learning rate do not help either.

    ## Known problems
    Nets with tanh that learn are left alone, however much better ReLU would be. Trials that are shorter than the
    program count only where hardly anything is learned or validation has settled.

    ## References
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010), section 3.
    He et al., "Delving Deep into Rectifiers" (2015), section 2.2.
    """
    seen = watched(lab.problem.learner(0), lab.problem.train.batches[0])
    if not seen.hidden:
        return Outcome("not assessed", "no sigmoid, tanh or the like stands between the layers")
    changes: dict[str, dict[str, Any]] = {"ReLU": {"relu-instead": {}}}
    if not lab.problem.pretrained:
        changes["ReLU and weights drawn for it"] = {"relu-instead": {"he": True}}
    return outcome(
        rescue(lab, changes, others={} if lab.problem.pretrained else OTHERS),
        what=f"{len(seen.hidden)} squashing {'activations' if len(seen.hidden) > 1 else 'activation'} between layers",
        does="with {} in their place",
        order="Use ReLU or GELU between the layers, and sigmoid or tanh at gates and outputs only.",
        suspect="saturating-activation",
    )
