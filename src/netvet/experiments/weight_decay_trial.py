"""Whether more, less or no weight decay generalises better."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.advice import advice, mean, ruins
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.validated import screen

# What is tried where there is none: of a decay that is decoupled from the gradient (AdamW) PyTorch's default is 1e-2,
# of one that is added to the gradient 1e-4 and 5e-4 are the usual choice (ResNet, VGG).
DECOUPLED, COUPLED = (1e-2, 1e-1), (1e-4, 1e-3)


def _arms(optimizer: Any, model: Any) -> dict[str, Mapping[str, Any]]:
    groups = optimizer.param_groups
    if not all("weight_decay" in g for g in groups):
        raise NetvetError(f"{type(optimizer).__name__} has no weight decay")
    if not any(g["weight_decay"] for g in groups):
        decoupled = type(optimizer).__name__ == "AdamW" or any(g.get("decoupled_weight_decay") for g in groups)
        return {
            f"weight decay {value:g}": {"weight-decay-of-matrices": value}
            for value in (DECOUPLED if decoupled else COUPLED)
        }
    arms: dict[str, Mapping[str, Any]] = {
        "no weight decay": {"weight-decay-factor": 0.0},
        "a tenth of the weight decay": {"weight-decay-factor": 0.1},
        "ten times the weight decay": {"weight-decay-factor": 10.0},
    }
    if any(p.dim() < 2 for g in groups if g["weight_decay"] for p in g["params"]):
        arms["weight decay of matrices only"] = {"weight-decay-of-matrices": None}
    return arms


@experiment(stage="regularise", title="weight decay as it should be", seconds=30, gate=False)
def weight_decay_trial(lab: Lab) -> Outcome:
    """Train with ten times and a tenth of the weight decay, without it, and without that of norms and biases.

    ## Why it matters
    Weight decay keeps weights small, and a net with small weights smooth. Too much of it pulls the weights to zero
    faster than the loss can build them up.

    ## How it is done
    Where the program has no weight decay, two usual values of it are tried, on matrices alone. Each trial is judged by
    its best validation score (or loss). The change that looks best is compared once more, on five fresh seeds: advice
    only, if it is better there by a paired t-test and by more than the scatter of the validation samples. Failed, if
    without weight decay the error falls below a half, on training samples too.

    ## Known problems
    Weight decay acts over as many steps as one over learning rate times decay: with a small one, and a short trial,
    nothing is seen. A penalty that is added to the loss by hand is none of the optimizer's, and is not changed.

    ## References
    Loshchilov and Hutter, Decoupled Weight Decay Regularization, ICLR 2019. He et al., Bag of Tricks for Image
    Classification, CVPR 2019, section 3.1 (no decay of biases and norms).
    """
    model = lab.problem.learner(0).model
    optimizer = lab.problem.optimizer(model)
    arms = _arms(optimizer, model)
    found = screen(lab, arms, off="no weight decay")
    decay = max(float(g["weight_decay"]) for g in optimizer.param_groups)
    if decay and ruins(found, "no weight decay"):
        measure = found.measure
        return Outcome(
            "failed",
            f"weight decay of {decay:g} ruins the training: validation {measure.name} "
            f"{mean(measure, found.arms['plain']):.3g} with it and {mean(measure, found.arms['no weight decay']):.3g} "
            f"without, after {found.steps} steps",
            found.evidence(),
            f"Lower the weight decay (now {decay:g}) to a hundredth, or leave it out.",
            ("oversized-regularisation",),
        )
    less = found.best in ("no weight decay", "a tenth of the weight decay")
    kept = f"weight decay of {decay:g} stays" if decay else "no weight decay is needed"
    suspects = ("oversized-regularisation",) if less else ("overfitting",)
    return advice(found, lambda name: f"use {name}", kept=kept, suspects=suspects)
