"""Whether the inputs help at all."""

from __future__ import annotations

import math
from collections.abc import Sequence

from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.learning import (
    Twins,
    gain,
    is_better,
    is_no_better,
    is_trained,
    one_batch,
    other_pairs,
    told,
    train_twins,
    twin_steps,
)
from netvet.experiments.paired import compare
from netvet.experiments.trial import Result

# Outputs that differ by less than this share of their size for other inputs do so by rounding (float32: about 1e-6).
BLIND = 1e-4
ZEROED = {"zeroed-inputs": True}
SUSPECTS = ("ignores-input", "constant-feature", "collapsed-prediction", "dead-relu", "zero-gradient")


def _tells_apart(real: Sequence[Result], zeroed: Sequence[Result]) -> bool:
    """One batch is fitted better with its inputs than without, by either optimizer."""
    count = len(real) // 2
    for some in (slice(0, count), slice(count, None)):
        pair = compare([r.tail() for r in real[some]], [r.tail() for r in zeroed[some]])
        if pair is not None and pair.high < 0:
            return True
        # A constant answer is as good as zeroed inputs: below it by a tenth in each seed is more than luck.
        if all(a.tail() < 0.9 * b.tail() for a, b in zip(real[some], zeroed[some], strict=True)):
            return True
    return False


def _blind(lab: Lab, twins: Twins, evidence: dict[str, object]) -> Outcome:
    """Real inputs are no better: does the net not see them, or has it not learned to use them yet?"""
    seen = told(twins, ("zeroed", "shuffled"))
    if is_trained(lab.problem):
        return Outcome("undetermined", f"{seen}; but the trained model is better than a constant answer", evidence)
    sensitive = [float(r.extra.get("sensitivity", math.inf)) for r in twins.arms["plain"]]
    evidence["sensitivity"] = sensitive
    if max(sensitive) > BLIND:
        return Outcome("undetermined", f"{seen}; its outputs do depend on its inputs, so more may come", evidence)
    real, zeroed = one_batch(lab), one_batch(lab, **ZEROED)
    if any(r.ended == "failed" for r in (*real, *zeroed)):
        return Outcome("undetermined", f"{seen}, and one batch could not be tried", evidence)
    evidence["one_batch"] = {"real": [r.tail() for r in real], "zeroed": [r.tail() for r in zeroed]}
    if not all(math.isfinite(r.tail()) for r in real) or _tells_apart(real, zeroed):
        return Outcome("undetermined", f"{seen}; one batch can be learned from its inputs, so more may come", evidence)
    return Outcome(
        "failed",
        f"{seen}, its outputs are the same for other inputs, and one batch is fitted no better with them than without",
        evidence,
        "Follow one input through the net to the layer where its samples become alike.",
        SUSPECTS,
    )


@experiment(stage="skeleton", title="does better with inputs than without", seconds=30)
def input_independent(lab: Lab) -> Outcome:
    """Train on the real inputs, on zeroed inputs and on inputs of other samples, and compare on held-out data.

    ## Why it matters
    A net that does as well without its inputs does not use them: they are cut off, constant, or drowned. Its loss falls
    all the same, as the shares of the classes can be learned without any input.

    ## How it is done
    Twins for as many steps as are affordable (150 at most), scored on up to 1,000 held-out samples. Passed, if the real
    inputs are better than both, by score or loss, in a paired test over all seeds; or if at each of the first two seeds
    their score is beyond both and beyond any constant answer by three standard errors. Failed only if they are not,
    the outputs stay the same for other inputs, one batch is fitted no better with its inputs than without (at the
    program's rate and with Adam), and the model that the run ended with is no better than a constant answer.

    ## Known problems
    Where there are no targets to be hit (autoencoders, GANs, contrastive losses), zeroed inputs make another problem:
    not assessed. A problem that takes longer than the trial to be learned is undetermined.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "input-independent baseline".
    """
    problem = lab.problem
    if problem.kind == "unknown" or not problem.train.roles.inputs:
        return Outcome("not assessed", "what the outputs are to hit is not known: without inputs it is another problem")
    changes = {"zeroed": ZEROED, "shuffled": other_pairs(problem)}
    twins = train_twins(lab, twin_steps(lab), **changes)
    if "plain" in twins.missing:
        return Outcome("not assessed", f"a copy of the model could not be trained: {twins.missing['plain']}")
    arms = [name for name in changes if name in twins.arms and twins.mean(name, "loss") is not None]
    if twins.mean("plain", "loss") is None or not arms:
        return Outcome("undetermined", "the trainings gave no finite loss")
    evidence: dict[str, object] = {**twins.record(), "missing": dict(twins.missing)}
    evidence["gain"] = {arm: {what: c.record() for what, c in gain(twins, arm).items()} for arm in arms}
    better = [arm for arm in arms if is_better(twins, arm)]
    if len(better) == len(arms):
        return Outcome("passed", told(twins, arms), evidence)
    if not any(is_no_better(twins, arm) for arm in arms if arm not in better):
        return Outcome("undetermined", f"{told(twins, arms)}: the difference is within luck", evidence)
    return _blind(lab, twins, evidence)
