"""Whether half or double the batch would learn more from the same samples, and how noisy its gradient is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from netvet.core import NetvetError
from netvet.experiments.arms import Arm, arms_of
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Result, Trial

STEPS = 200
BATCHES = 16
# A program of fewer steps than this is followed beyond its end: so few say nothing.
LEAST = 40
# Weights at which the noise is measured: after so many steps, when the first fall of the loss is over.
NOISE_AFTER = 50
FACTORS = {"half": 0.5, "plain": 1.0, "double": 2.0}


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
    # Whole batches have no noise, and rounding may take it below none.
    return max(trace, 0.0) / squared if squared > 0 else None


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
    last fifth of the samples are compared by a paired test over seeds. Trials take no more steps than the program.
    Advice needs both: half the batch is better and the batch is above the noise scale, or double is and it is below.

    ## Known problems
    The noise scale grows while a network trains: a batch that is right at the start is small at the end. Dropout is
    part of the noise. In a training that is slow for its low rate smaller batches look better, as they take more steps:
    nothing is made of that below the noise scale. Where the loss is a sum over the batch nothing is compared. Layers of
    batch norm see other batches too.

    ## References
    McCandlish et al., "An Empirical Model of Large-Batch Training" (2018), equations 2.8, A.2, A.3. Goyal et al.
    (2017), linear scaling. Malladi et al. (2022), square-root scaling.
    """
    problem, size = lab.problem, lab.problem.train.batch_size
    if size is None:
        return Outcome("not assessed", "the batches have no common axis of samples")
    # Of one length: the trial itself, half its batch for twice as many, double for half, and the noise. No more steps
    # than the program takes: a batch that leaves it too few of them would be made up for by others.
    known = len(problem.rates)
    wanted = min(STEPS, max(known, LEAST)) if known else STEPS
    steps = lab.steps(wanted, 5 * len(lab.seeds), least=20, share=0.6)
    after = min(NOISE_AFTER, steps)
    probe = {"gradient-noise": BATCHES}
    measured = lab.run([Trial(after, seed, probe, scores=False) for seed in lab.seeds])
    if failed := next((r for r in measured if r.ended == "failed"), None):
        return Outcome("not assessed", f"a copy of the model could not be trained: {failed.error}")
    noise = noise_scale(measured)
    told = f"the batch has {size} samples, the noise scale of its gradient is "
    told += f"about {noise:.2g} samples" if noise is not None else "not to be told from infinity"
    evidence: dict[str, Any] = {"batch_size": size, "noise_scale": noise, "measured_after": after}
    factors = _factors(size, problem.train.size)
    if not factors:
        return Outcome("passed", f"{told}; other sizes cannot be tried", evidence)
    try:
        arms = _trials(lab, steps, size, factors)
    except NetvetError as error:
        return Outcome("undetermined", f"{told}; other sizes could not be compared: {error}", evidence)
    if arms is None:
        return Outcome("undetermined", f"{told}; the loss is a sum over the batch: sizes cannot be compared", evidence)
    evidence["arms"] = [arm.record() for arm in arms.values()]
    return _judged(size, noise, told, arms, evidence)


def _judged(size: int, noise: float | None, told: str, arms: dict[str, Arm], evidence: dict[str, Any]) -> Outcome:
    """What the trials of other sizes say, as far as the noise scale agrees."""
    names = sorted(arms, key=FACTORS.__getitem__)
    told += f"; on as many samples batches of {_listed(str(math.floor(size * FACTORS[name])) for name in names)}"
    told += f" come to a loss of {_listed(arms[name].told for name in names)}"
    best = min((name for name in names if name != "plain"), key=lambda name: arms[name].mean)
    if arms[best].verdict == "better":
        if (best == "half") != (noise is not None and size > noise):
            missing = "more steps or a higher rate" if best == "half" else "a lower rate"
            return Outcome("passed", f"{told}: to that scale the size is right, and {missing} may help", evidence)
        suspect = "too-large-batch" if best == "half" else "too-small-batch"
        order = f"Try a batch of {math.floor(size * FACTORS[best])} samples."
        return Outcome("advice", told, evidence, order, (suspect,))
    return Outcome("passed", told, evidence)


def _factors(size: int, samples: int | None) -> list[str]:
    """Which other sizes can be made: not of steps that take whole batches, nor of more samples than there are."""
    if samples is None:
        return []
    return [name for name, possible in (("half", size >= 2), ("double", 2 * size <= samples)) if possible]


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}"


def _trials(lab: Lab, steps: int, size: int, others: Sequence[str]) -> dict[str, Arm] | None:
    """The own batch and others, on as many samples, the rate in proportion; None where the loss grows with the size."""
    steps -= steps % 2
    name = type(lab.problem.optimizer(lab.problem.learner(0).model)).__name__
    power = 1.0 if name == "SGD" else 0.5
    results: dict[str, list[Result]] = {}
    for arm in ("plain", *others):
        factor = FACTORS[arm]
        # The program's schedule goes by samples too.
        changes: dict[str, Any] = {"schedule-pace": {"speed": factor, "pace": 1.0}}
        if arm != "plain":
            changes |= {"batch-size": math.floor(size * factor), "lr-factor": factor**power}
        trials = [Trial(round(steps / factor), seed, changes, scores=False) for seed in lab.seeds]
        results[arm] = lab.run(trials)
    arms = arms_of(results)
    return None if all(_is_sum(results["plain"], results[other], FACTORS[other]) for other in others) else arms


def _is_sum(plain: Sequence[Result], other: Sequence[Result], factor: float) -> bool:
    """The first loss, which no step has changed yet, is nearer to as many times the own than to the own."""
    pairs = [(a.start, b.start) for a, b in zip(plain, other, strict=True)]
    if any(not (a > 0 and b > 0 and math.isfinite(a / b)) for a, b in pairs):
        return False
    grown = sum(math.log(b / a) for a, b in pairs) / len(pairs) / math.log(factor)
    return grown > 0.5
