"""Whether a net does not learn because of its optimizer, at whatever learning rate."""

from __future__ import annotations

from typing import Any

from netvet.core import NetvetError
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.rescue import outcome, rescue

# Karpathy 2019: "Adam with a learning rate of 3e-4 is safe"; 1e-3 is its default and suits small nets.
TWINS: dict[str, dict[str, Any]] = {
    "Adam at 0.001": {"optimizer": {"name": "Adam", "lr": 1e-3}, "constant-lr": True},
    "Adam at 0.0003": {"optimizer": {"name": "Adam", "lr": 3e-4}, "constant-lr": True},
}
# Multiples of the program's own rate, of which the best counts: a rate that is off is no fault of the optimizer.
RATES = (1e-4, 1e-3, 1e-2, 0.1, 0.3, 3.0, 10.0, 100.0, 1e3)


@experiment(stage="overfit", title="optimizer suits the problem", seconds=15, gate=False)
def optimizer_trial(lab: Lab) -> Outcome:
    """Train with Adam in the place of another optimizer, which gets many learning rates to choose from.

    ## Why it matters
    Some optimizers are made for other problems: Rprop and L-BFGS compare gradients of successive steps and need them
    from the same samples, Adagrad stops early, plain gradient descent crawls where features have different scales.

    ## How it is done
    Adam at 1e-3, then at 3e-4, without a schedule, beside the program's own optimizer, at every seed and scored on
    held-out samples. Where Adam rescues a training that fails, the own optimizer is tried at rates from a ten
    thousandth to a thousand times its own. Failed, if at the best of them it has still learned less than 70 % of what
    Adam has, on training samples too, at every seed and by a paired test.

    ## Known problems
    A plain SGD that learns is left alone, however much faster Adam would be. Programs with Adam and its kin are not
    assessed, nor those whose own optimizer leaves parameters out, which Adam would train.

    ## References
    Schmidt, Schneider and Hennig, "Descending through a Crowded Valley" (2021). Riedmiller and Braun, "RPROP" (1993):
    made for whole batches. Karpathy, "A Recipe for Training Neural Networks" (2019).
    """
    model = lab.problem.learner(0).model
    own = lab.problem.optimizer(model)
    name = type(own).__name__
    if "adam" in name.lower():
        return Outcome("not assessed", f"the program's own optimizer is {name}, which suits nearly everything")
    held = {id(p) for group in own.param_groups for p in group["params"]}
    if any(p.requires_grad and id(p) not in held for p in model.parameters()):
        raise NetvetError("the program's own optimizer does not have all parameters: no other can stand in for it")
    if lab.problem.pretrained:
        raise NetvetError("the weights were loaded: a safe start for them is not known")
    return outcome(
        rescue(lab, TWINS, rates=RATES),
        what=f"{name} as optimizer",
        does="with {}",
        order="Use Adam at 1e-3, or SGD with momentum 0.9.",
        suspect="unsuitable-optimizer",
    )
