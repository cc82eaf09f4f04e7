"""Whether an unusual momentum keeps a net from learning."""

from __future__ import annotations

from typing import Any

import torch

from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.rescue import outcome, rescue

# From 0.85 to 0.95 momentum is cycled in usual schedules (Smith 2018), 0.98 is the most that they use for Adam.
MOST, MOST_ADAM = 0.95, 0.98
# Betas of squared gradients in use are 0.95 (language models) to 0.9999; 0.9 is the least that is met.
LEAST_SQUARED = 0.9


def _unusual(optimizer: torch.optim.Optimizer) -> str:
    """The first setting that is out of the usual, in words; empty where none is."""
    for group in optimizer.param_groups:
        momentum, betas = group.get("momentum"), _numbers(group.get("betas"))
        if isinstance(momentum, (int, float)) and momentum > MOST:
            return f"momentum of {momentum:g}"
        if len(betas) > 1 and (betas[0] > MOST_ADAM or betas[1] < LEAST_SQUARED):
            return f"betas of {betas[0]:g} and {betas[1]:g}"
    return ""


def _numbers(betas: Any) -> list[float]:
    return [float(b) for b in betas if b is not None] if isinstance(betas, (tuple, list)) else []


@experiment(stage="overfit", title="momentum suits the training", seconds=10, gate=False)
def momentum_trial(lab: Lab) -> Outcome:
    """Train with momentum 0.9 (of Adam: betas 0.9 and 0.999) in the place of an unusual one.

    ## Why it matters
    Momentum m lets a step go on for 1 / (1 - m) steps: 0.99 makes the learning rate a hundred times as large, and the
    net swings through every valley; a tiny second beta of Adam makes each step as large as the noise.

    ## How it is done
    Only where momentum is above 0.95 (first beta: 0.98), or the second beta below 0.9. Both trainings at every seed,
    at the same learning rate, scored on held-out samples. Failed, if the program's own has learned less than 70 % of
    what the twin has, on training samples too, at every seed and by a paired test.

    ## Known problems
    A much smaller learning rate can make up for a large momentum: the momentum is named since it is what is unusual.

    ## References
    Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013). Smith, "A disciplined
    approach to neural network hyper-parameters" (2018). Goh, "Why Momentum Really Works" (Distill, 2017).
    """
    setting = _unusual(lab.problem.optimizer(lab.problem.learner(0).model))
    if not setting:
        return Outcome("not assessed", "the optimizer has no momentum, or a usual one")
    return outcome(
        rescue(lab, {"the usual 0.9": {"usual-momentum": True}}, rates=()),
        what=setting,
        does="with {}",
        order="Set momentum to 0.9 (betas of Adam: 0.9 and 0.999).",
        suspect="wrong-momentum",
    )
