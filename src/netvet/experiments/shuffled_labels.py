"""Whether there is anything in the pairs of inputs and targets to be learned."""

from __future__ import annotations

from dataclasses import replace

from netvet.experiments.constants import targets_of
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.learning import (
    STEPS,
    Twins,
    gain,
    is_better,
    is_no_better,
    is_trained,
    memorises,
    told,
    train_twins,
    twin_steps,
)
from netvet.experiments.problem import Problem
from netvet.experiments.simple import SimpleScores, simple_scores

# With so large a share in one class a few hundred samples leave no score that differs (as in below-baseline).
ONE_CLASS = 0.9
SUSPECTS = ("random-labels", "conflicting-labels", "split-drift", "mismatched-normalisation")
# What makes held-out samples others than those trained on.
OTHER_SPLIT = ("split-drift", "mismatched-normalisation")
HELD_OUT = 0.3


def _no_better(lab: Lab, twins: Twins, evidence: dict[str, object]) -> Outcome:
    """The true pairs are no better: is there nothing in them, or was the trial too short?"""
    seen = told(twins, ("shuffled",))
    if is_trained(lab.problem):
        return Outcome("undetermined", f"{seen}; but the trained model is better than a constant answer", evidence)
    if twins.steps < STEPS:
        return Outcome("undetermined", f"{seen}: there was no time for more steps", evidence)
    simple = simple_scores(lab.problem)
    if simple is None or not simple.learned:
        return Outcome("undetermined", f"{seen}; simple learners cannot be asked whether there is more", evidence)
    evidence["simple"] = simple.record()
    if simple.finds_something:
        return Outcome("undetermined", f"{seen}; {simple.told}: there is more than the trial had time for", evidence)
    if simple.name == "accuracy" and max(simple.constant, simple.hindsight) > ONE_CLASS:
        return Outcome("undetermined", f"{seen}; nearly all samples are of one class", evidence)
    within = _within(lab.problem)
    if within is not None and within.finds_something:
        evidence["within"] = within.record()
        return Outcome(
            "failed",
            f"{seen}; on a part of the training data that was held out {within.told}: the validation data pair inputs "
            "and targets in another way",
            evidence,
            "Make the split, the class numbers and the preprocessing of training and validation data in one place.",
            OTHER_SPLIT,
        )
    if not memorises(lab):
        return Outcome("undetermined", f"{seen}; but the net does not learn one batch by heart either", evidence)
    return Outcome(
        "failed",
        f"{seen}; simple learners find nothing in the true pairs either ({simple.told}; a constant "
        f"answer {simple.constant:.3g})",
        evidence,
        "Look at twenty samples with their targets side by side, as they enter the net.",
        SUSPECTS,
    )


def _within(problem: Problem) -> SimpleScores | None:
    """Simple learners on a part of the training samples, scored on the rest."""
    train = problem.train.distinct()
    if train.size is None:
        return None
    fitted, held = train.split(HELD_OUT)
    return simple_scores(replace(problem, train=fitted, val=held))


@experiment(stage="skeleton", title="learns true pairs better than shuffled ones", seconds=6)
def shuffled_labels(lab: Lab) -> Outcome:
    """Train on the true pairs of inputs and targets, and on pairs that were shuffled, and compare on held-out data.

    ## Why it matters
    A large net learns random targets by heart, and its training loss falls beautifully. Only if the true pairing is
    learned better than a shuffled one does the net learn something that is in the data.

    ## How it is done
    Twins, scored on up to 1,000 held-out samples, which are never shuffled; they are those of `input-independent`,
    where that has trained them. Passed, if the true pairs are better, by score or loss, in a paired test over all
    seeds; or if at each of the first two seeds their score is beyond that of shuffled pairs and of any constant answer
    by three standard errors. Failed only if they surely are not, the net can learn one batch by heart, neither a
    linear model, the nearest neighbour nor a small tree is better than a constant answer on the held-out samples,
    and neither is the model that the run ended with. Where they find something within the training data, the split
    is to blame, not the targets.

    ## Known problems
    Without targets of its own (autoencoders, GANs, contrastive losses) a problem is not assessed. Rules that no simple
    learner sees (parity, modular arithmetic) are learned late: give a trained run, or take "failed" for a question.

    ## References
    Zhang et al., "Understanding deep learning requires rethinking generalization" (2017).
    """
    problem = lab.problem
    if problem.kind == "unknown" or not problem.train.roles.targets:
        return Outcome("not assessed", "there are no targets of which it is known what they mean")
    targets = targets_of(problem.train) or []
    if all(bool((t == targets[0].reshape(-1)[0]).all()) for t in targets):
        return Outcome("not assessed", "all targets are the same: shuffling them changes nothing")
    twins = train_twins(lab, twin_steps(lab), shuffled={"shuffled-targets": True})
    if twins.missing:
        return Outcome("not assessed", f"a copy could not be trained: {next(iter(twins.missing.values()))}")
    if twins.mean("plain", "loss") is None or twins.mean("shuffled", "loss") is None:
        return Outcome("undetermined", "the trainings gave no finite loss")
    evidence: dict[str, object] = twins.record()
    evidence["gain"] = {what: c.record() for what, c in gain(twins, "shuffled").items()}
    if is_better(twins, "shuffled"):
        return Outcome("passed", told(twins, ("shuffled",)), evidence)
    if not is_no_better(twins, "shuffled"):
        return Outcome("undetermined", f"{told(twins, ('shuffled',))}: the difference is within luck", evidence)
    return _no_better(lab, twins, evidence)
