"""What the bias of the last layer should be, and what that saves."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from netvet.experiments.constants import wanted_bias
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.learning import affordable
from netvet.experiments.paired import compare
from netvet.experiments.trial import Result, Trial

STEPS, SECONDS = 100, 6.0
# A first loss that would fall by less than a tenth is not worth a trial, nor the user's time.
SAVED = 0.1
# Of the mean loss over the trial: what is less is not seen in its curve.
MATTERS = 0.05
CHANGE = {"final-bias": True}
SHOWN = 10


def _trials(lab: Lab, steps: int, seeds: Sequence[int]) -> tuple[list[Result], list[Result]]:
    """Without and with the bias, at every seed."""
    done = lab.run([Trial(steps, seed, arm, scores=False) for arm in ({}, CHANGE) for seed in seeds])
    return done[: len(seeds)], done[len(seeds) :]


def _steps_saved(plain: Result, level: float) -> int:
    """Steps that the unchanged training needs to come down to a loss."""
    return next((i for i, loss in enumerate(plain.losses) if loss <= level), len(plain.losses))


def _curve(results: list[Result]) -> list[float]:
    return [sum(step) / len(step) for step in zip(*(r.losses for r in results), strict=False)]


def _values(bias: Any) -> str:
    some = ", ".join(f"{v:.3g}" for v in bias[:SHOWN].tolist())
    return f"[{some}{', ...' if len(bias) > SHOWN else ''}]"


@experiment(stage="skeleton", title="begins with the right final bias", seconds=10, gate=False)
def final_bias(lab: Lab) -> Outcome:
    """Set the bias of the last layer to what the targets ask for, and measure what that saves.

    ## Why it matters
    With unequal classes or targets far from zero the first steps only learn the bias of the last layer: the loss curve
    looks like a hockey stick, and the steps are lost.

    ## How it is done
    The bias is set to the logarithms of the class shares, the logit of the base rate, or the mean of the targets, less
    what the weights put out on average. If that lowers the first loss by a tenth at least, twins are trained with and
    without it; it is told of only if their mean loss over the trial is better in a paired test.

    ## Known problems
    Weighted losses and balanced batches do not want the shares of the classes: there the trial shows no gain. A last
    layer without a bias, or one that something follows (a norm, a softmax), is not assessed.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "init well".
    """
    found = wanted_bias(lab.problem, lab.problem.learner(0))
    if found is None:
        return Outcome("not assessed", "there is no last layer with a bias of its own, or its targets are not known")
    name, bias = found
    plain, changed = _trials(lab, 1, lab.seeds[:1])
    if any(r.ended == "failed" for r in (*plain, *changed)):
        return Outcome(
            "not assessed", f"a copy of the model could not be trained: {(plain[0].error, changed[0].error)}"
        )
    before, after = (sum(r.start for r in some) / len(some) for some in (plain, changed))
    evidence: dict[str, Any] = {"layer": name, "bias": bias[:1000].tolist(), "before": before, "after": after}
    if not math.isfinite(before) or not after < before - SAVED * abs(before):
        return Outcome("passed", f"another final bias would not save much: {before:.3g} to {after:.3g}", evidence)
    plain, changed = _trials(lab, affordable(lab, 2, SECONDS, wanted=STEPS), lab.seeds)
    means = [[r.tail(1.0) for r in some] for some in (changed, plain)]
    pair = compare(*means)
    evidence |= {"curve_before": _curve(plain), "curve_after": _curve(changed)}
    if pair is None:
        return Outcome("undetermined", "the trainings gave no finite loss", evidence)
    level = sum(means[1]) / len(means[1])
    verdict = pair.verdict(less_is_better=True, matters=MATTERS * abs(level))
    evidence["comparison"] = pair.record()
    told = f"with the final bias that the targets ask for, the loss begins at {after:.3g} in place of {before:.3g}"
    if verdict != "better":
        return Outcome("passed", f"{told}, but over {len(plain[0].losses)} steps that saves nothing sure", evidence)
    saved = sorted(_steps_saved(r, after) for r in plain)[len(plain) // 2]
    return Outcome(
        "advice",
        f"{told}: about {saved} steps saved (mean loss over {len(plain[0].losses)} steps {pair.effect:+.3g}, "
        f"{pair.low:+.3g} to {pair.high:+.3g})",
        evidence,
        f"Begin with the bias of {name or 'the last layer'} at {_values(bias)}.",
        ("wrong-final-bias", "hockey-stick-loss"),
    )  # fmt: skip
