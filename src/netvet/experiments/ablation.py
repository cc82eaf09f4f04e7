"""What each input and each declared part of the program brings."""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from netvet.experiments.arms import arms_of, warms_up
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Result

STEPS = 300


def parts_of(lab: Lab) -> dict[str, dict[str, Any]]:
    """What can be switched off, and the change that does it."""
    problem = lab.problem
    model = problem.learner(0).model
    groups = problem.optimizer(model).param_groups
    found: dict[str, dict[str, Any]] = {}
    inputs = [n for n in problem.train.roles.inputs if problem.train.batches[0][n].is_floating_point()]
    if len(problem.train.roles.inputs) > 1:
        found |= {f"input {name}": {"zeroed-input": name} for name in inputs}
    if any(isinstance(m, nn.modules.dropout._DropoutNd) and m.p > 0 for m in model.modules()):
        found["dropout"] = {"dropout": 0.0}
    if problem.clip is not None:
        found["clipping"] = {"no-clipping": True}
    if any(group.get("weight_decay") for group in groups):
        found["weight decay"] = {"weight-decay": 0.0}
    if problem.rates and min(problem.rates) != max(problem.rates):
        found["schedule"] = {"constant-lr": True}
    return found


def held_out_loss(result: Result) -> float:
    """On validation data; infinite where the training has diverged."""
    return result.val.loss if result.val is not None and result.ended != "diverged" else math.inf


@experiment(stage="tune", title="what each part brings", seconds=20, gate=False)
def ablation(lab: Lab) -> Outcome:
    """Switch off each input and each declared part alone: dropout, clipping, weight decay, schedule.

    ## Why it matters
    Every part was put in with the promise of an improvement. One that brings nothing is complexity to be explained,
    tuned and debugged for nothing; one that does harm hides.

    ## How it is done
    One part at a time is switched off, on the same seeds and batches; an input is set to zero, in training and in
    validation. The loss on held-out data is compared with that of the whole program by a paired test over seeds.

    ## Known problems
    Parts that regularise pay late, when a network begins to learn by heart: "brings nothing in so many steps" is no
    verdict on a run of hours. A warm-up is slow for the sake of later steps: a schedule that is still warming up when
    half of a trial is over is left alone. Inputs that are numbers of tokens or classes have no zero and are left alone.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "complexify only one at a time".
    """
    parts = parts_of(lab)
    if not parts:
        return Outcome("not assessed", "one input, and neither dropout, clipping, weight decay nor a schedule")
    steps = lab.steps(STEPS, (len(parts) + 1) * len(lab.seeds), least=30)
    if warms_up(lab.problem.rates, steps):  # slow on purpose, for the sake of later steps
        parts.pop("schedule", None)
    if not parts:
        return Outcome("not assessed", f"in {steps} steps the learning rate still warms up (--budget gives more)")
    arms = arms_of(lab.twins(steps, **parts), held_out_loss)
    evidence = {"steps": steps, "arms": [arm.record() for arm in arms.values()]}
    base = arms.pop("plain")
    told = ", ".join(f"{arm.told} without {name} ({_word(arm.verdict)})" for name, arm in arms.items())
    told = f"after {steps} steps the held-out loss is {base.told}; {told}"
    harmful = [name for name, arm in arms.items() if arm.verdict == "better"]
    if harmful:
        return Outcome("advice", told, evidence, f"Leave out {harmful[0]}: the loss is lower without it.")
    return Outcome("passed" if all(a.verdict != "undecided" for a in arms.values()) else "undetermined", told, evidence)


def _word(verdict: str) -> str:
    return {"better": "it does harm", "worse": "it helps", "no difference": "no difference"}.get(verdict, "not clear")
