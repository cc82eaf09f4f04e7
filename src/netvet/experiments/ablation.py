"""What each input and each part of the program brings."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from netvet.experiments.arms import Arm, arms_of, warms_up
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.layers import dropout_of
from netvet.experiments.parts import declared
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
    if any(dropout_of(m) for m in model.modules()):
        found["dropout"] = {"dropout": 0.0}
    if problem.clip is not None:
        found["clipping"] = {"no-clipping": True}
    if any(group.get("weight_decay") for group in groups):
        found["weight decay"] = {"weight-decay": 0.0}
    if problem.rates and min(problem.rates) != max(problem.rates):
        found["schedule"] = {"constant-lr": True}
    return found | {name: {"without": name} for name in declared(problem)}


def held_out_loss(result: Result) -> float:
    """On validation data; infinite where the training has diverged."""
    return result.val.loss if result.val is not None and result.ended != "diverged" else math.inf


@experiment(stage="tune", title="what each part brings", seconds=20, gate=False)
def ablation(lab: Lab) -> Outcome:
    """Switch off each input and each part alone: dropout, clipping, weight decay, schedule, and what was declared.

    ## Why it matters
    Every part was put in with the promise of an improvement. One that brings nothing is complexity to be explained,
    tuned and debugged for nothing; one that does harm hides.

    ## How it is done
    One part at a time is switched off, on the same seeds and batches; an input is set to zero, in training and in
    validation. The loss on held-out data is compared with that of the whole program by a paired test over seeds.

    Layers and terms of the loss are declared, with the change that each was to bring: `Setup(parts={"attention":
    "body.attention", "penalty": step_without_it}, expected={"attention": -0.1})`. Of a layer the input stands for the
    output; a training without a term of the loss is compared by the loss without that term.

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
    arms = _arms(lab, parts, steps)
    evidence = {"steps": steps, "arms": [arm.record() for arm in arms.values()]}
    base = arms.pop("plain")
    told = ", ".join(
        f"{arm.told} without {name} ({_word(arm)}{_promised(lab, name, arm)})" for name, arm in arms.items()
    )
    told = f"after {steps} steps the held-out loss is {base.told}; {told}"
    harmful = [name for name, arm in arms.items() if arm.verdict == "better"]
    if harmful:
        return Outcome("advice", told, evidence, f"Leave out {harmful[0]}: the loss is lower without it.")
    return Outcome("passed" if all(a.verdict != "undecided" for a in arms.values()) else "undetermined", told, evidence)


def _arms(lab: Lab, parts: dict[str, dict[str, Any]], steps: int) -> dict[str, Arm]:
    """Each part switched off; a term of the loss is no part of the losses that are compared."""
    terms = [name for name, part in declared(lab.problem).items() if not isinstance(part, str)]
    asked: dict[str, Any] = {"loss-without": terms} if terms else {}
    results = lab.twins(steps, plain=asked, **{name: change | asked for name, change in parts.items()})
    arms = arms_of({n: r for n, r in results.items() if n not in terms}, held_out_loss)
    for name in terms:
        pair = {"plain": results["plain"], name: results[name]}
        arms[name] = arms_of(pair, partial(_loss_without, name))[name]
    return arms


def _loss_without(name: str, result: Result) -> float:
    found = result.extra.get("loss_without", {}).get(name) if result.ended != "diverged" else None
    return math.inf if found is None else float(found)


def _promised(lab: Lab, name: str, arm: Arm) -> str:
    """What the part was to change and what it changes, where its author has said so."""
    promised = lab.problem.details.get("expected", {}).get(name)
    if promised is None or arm.pair is None:
        return ""
    pair = arm.pair
    brings = f"{-pair.effect:+.2g} (95 %: {-pair.high:+.2g} to {-pair.low:+.2g})"
    return f": it was to bring {promised:+.2g} and brings {brings}"


def _word(arm: Arm) -> str:
    words = {"better": "it does harm", "worse": "it helps", "no difference": "no difference"}
    return words.get(arm.verdict, "not clear")
