"""Whether half or double the batch would learn more from the same samples, and how noisy its gradient is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.arms import Arm, arms_of
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Result, Trial

STEPS = 200
BATCHES = 16
# Weights at which the noise is measured: after so many steps, when the first fall of the loss is over.
NOISE_AFTER = 50


def noise_scale(results: Sequence[Result]) -> float | None:
    """Samples from which on a larger batch gains little; None where the gradient is lost in its noise.

    McCandlish et al. 2018, appendix A.1: unbiased estimates of |G|^2 and tr(S) from gradients of two batch sizes, each
    averaged over seeds before they are divided. The large batch is made of the small ones.
    """
    squared, trace = 0.0, 0.0
    for result in results:
        small, big, samples = (result.extra.get(name) for name in ("small", "big", "samples"))
        if not samples or small is None or big is None:
            return None
        large = BATCHES * samples
        squared += (large * big - samples * small) / (large - samples)
        trace += (small - big) / (1 / samples - 1 / large)
    return trace / squared if squared > 0 and trace >= 0 else None


@experiment(stage="tune", title="batch size", seconds=20, gate=False)
def batch_size(lab: Lab) -> Outcome:
    """Train with half and with double the batch on as many samples, and measure the gradient's noise.

    ## Why it matters
    A batch far below the noise scale takes steps in random directions; one far above it pays for samples that tell it
    nothing new.

    ## How it is done
    The noise scale is that of McCandlish et al., from gradients of sixteen batches on copies that have trained for some
    steps, and of their mean. Then half and double the batch train on as many samples as the program's own, with the
    learning rate in proportion (SGD) or in proportion to the square root (adaptive optimizers). The losses of the
    last fifth of the samples are compared by a paired test over seeds.

    ## Known problems
    The noise scale grows while a network trains: a batch that is right at the start is small at the end. Dropout is
    part of the noise. Where the loss is a sum, the rate would have to stay. Layers of batch norm see other batches too.

    ## References
    McCandlish et al., "An Empirical Model of Large-Batch Training" (2018), equations 2.8, A.2, A.3. Goyal et al.
    (2017), linear scaling. Malladi et al. (2022), square-root scaling.
    """
    problem, size = lab.problem, lab.problem.train.batch_size
    if size is None:
        return Outcome("not assessed", "the batches have no common axis of samples")
    # Of one length: the trial itself, half its batch for twice as many, double for half, and the noise.
    steps = lab.steps(STEPS, 5 * len(lab.seeds), least=20, share=0.6)
    after = min(NOISE_AFTER, steps)
    probe = {"gradient-noise": BATCHES}
    measured = lab.run([Trial(after, seed, probe, scores=False) for seed in lab.seeds])
    if failed := next((r for r in measured if r.ended == "failed"), None):
        return Outcome("not assessed", f"a copy of the model could not be trained: {failed.error}")
    noise = noise_scale(measured)
    told = f"the batch has {size} samples, the noise scale of its gradient is "
    told += f"about {noise:.2g} samples" if noise is not None else "not to be told from infinity"
    evidence: dict[str, Any] = {"batch_size": size, "noise_scale": noise, "measured_after": after}
    if problem.train.size is None or size < 2 or 2 * size > problem.train.size:
        return Outcome("passed", f"{told}; other sizes cannot be tried", evidence)
    try:
        arms = _trials(lab, steps, size)
    except NetvetError as error:
        return Outcome("undetermined", f"{told}; other sizes could not be compared: {error}", evidence)
    evidence["arms"] = [arm.record() for arm in arms.values()]
    told += f"; on as many samples batches of {size // 2}, {size} and {2 * size} come to a loss of "
    told += f"{arms['half'].told}, {arms['plain'].told} and {arms['double'].told}"
    best = min(("half", "double"), key=lambda name: arms[name].mean)
    if arms[best].verdict == "better":
        other = size // 2 if best == "half" else 2 * size
        suspect = "too-large-batch" if best == "half" else "too-small-batch"
        return Outcome("advice", told, evidence, f"Try a batch of {other} samples.", (suspect,))
    return Outcome("passed", told, evidence)


def _trials(lab: Lab, steps: int, size: int) -> dict[str, Arm]:
    """Half, own and double batch, on as many samples, the rate in proportion."""
    steps -= steps % 2
    name = type(lab.problem.optimizer(lab.problem.learner(0).model)).__name__
    power = 1.0 if name == "SGD" else 0.5
    results: dict[str, list[Result]] = {}
    for arm, factor in {"plain": 1.0, "half": 0.5, "double": 2.0}.items():
        # The program's schedule goes by samples too.
        changes: dict[str, Any] = {"schedule-pace": {"speed": factor, "pace": 1.0}}
        if arm != "plain":
            changes |= {"batch-size": math.floor(size * factor), "lr-factor": factor**power}
        trials = [Trial(round(steps / factor), seed, changes, scores=False) for seed in lab.seeds]
        results[arm] = lab.run(trials)
    return arms_of(results)
