"""Whether the network beats what needs no network."""

from __future__ import annotations

from dataclasses import dataclass

from netvet.experiments.constants import blind_losses
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.learning import Twins, train_twins, trained_score, twin_steps
from netvet.experiments.simple import SIGMAS, SimpleScores, simple_scores, standard_error

# A trained net that reaches less than half of what a simple learner gains on a constant answer has not learned.
HALF = 0.5
# With more than this in one class accuracy says little (as in the check below-baseline).
ONE_CLASS = 0.9
SUSPECTS = ("below-baseline", "underfitting", "mismatched-normalisation", "split-drift", "ignores-input")


@dataclass(frozen=True)
class _Model:
    """Score of the network. `trained`: as the run left it, not after a short trial."""

    score: float
    error: float
    samples: int
    trained: bool
    told: str


def _model(lab: Lab, simple: SimpleScores, twins: Twins) -> _Model | None:
    found = trained_score(lab.problem)
    if found is not None:
        error = standard_error(simple.name, found[0], found[2])
        return _Model(found[0], error, found[2], True, "the trained model")
    score = twins.mean("plain", "score") if "plain" in twins.arms else None
    if score is None:
        return None
    told = f"the net after {twins.steps} steps"
    return _Model(score, standard_error(simple.name, score, simple.samples), simple.samples, False, told)


def _learns_by_loss(lab: Lab, model: _Model, simple: SimpleScores, twins: Twins) -> bool:
    """The loss of a short trial is below that of the best blind answer at every seed.

    Of a trained model its own score says more, unless the loss is not after that score: classes have weights (then the
    shares of the classes are a worse answer than an even guess), nearly all samples are of one class, or far numbers.
    """
    blind = blind_losses(lab.problem, lab.problem.val)
    losses = twins.values("plain", "loss") if "plain" in twins.arms else []
    if blind is None or not losses:
        return False
    other_aim = lab.problem.kind == "numbers" or blind["prior"] > blind["even"] or simple.constant > ONE_CLASS
    return max(losses) < min(blind.values()) and (other_aim or not model.trained)


def _judged(lab: Lab, model: _Model, simple: SimpleScores, twins: Twins) -> Outcome:
    low, high = model.score - SIGMAS * model.error, min(model.score + SIGMAS * model.error, 1.0)
    low = max(low, 0.0) if simple.name == "accuracy" else low
    constant = simple.constant
    evidence = {
        "model": {"score": model.score, "interval": [low, high], "samples": model.samples, "trained": model.trained},
        **simple.record(), "steps": twins.steps,
    }  # fmt: skip
    beaten = f"{simple.constant_name} {constant:.3g}"
    learned = ", ".join(f"{n} {s:.3g}" for n, s in simple.learned.items())
    told = f"{model.told} reaches {_name(simple)} {model.score:.3g} ({low:.3g} to {high:.3g}); {beaten}"
    told += f", {learned}" if learned else ""
    best = simple.learned[simple.best] - SIGMAS * simple.errors[simple.best] if simple.best else constant
    far = simple.finds_something and high < constant + HALF * (best - constant)
    by_loss = _learns_by_loss(lab, model, simple, twins)
    sequence = simple.constant_name == "unigram"  # which tokens count in the loss is not known here
    if model.trained and not sequence and (far or high < constant) and not by_loss:
        return Outcome(
            "failed", f"{told}: worse than what needs no network", evidence,
            "Compare how inputs and targets are made for training and for evaluation, then train longer.", SUSPECTS,
        )  # fmt: skip
    if low > max(constant, simple.hindsight) or by_loss:
        behind = f"; {simple.best} is still ahead" if simple.best and best > high else ""
        return Outcome("passed", told + behind, evidence)
    why = "no better than a constant answer yet" if not model.trained else "not surely better than a constant answer"
    return Outcome("undetermined", f"{told}: {why}", evidence)


def _name(simple: SimpleScores) -> str:
    return "an accuracy of" if simple.name == "accuracy" else "an r2 of"


@experiment(stage="skeleton", title="beats dumb baselines", seconds=8)
def baselines(lab: Lab) -> Outcome:
    """Score answers that need no network on the same split, and the network beside them.

    ## Why it matters
    A number such as 92 % says nothing alone: always answering the commonest class may give as much, and a linear model
    more. What does not beat them is not worth its training.

    ## How it is done
    The commonest class (the mean), a linear or logistic model, the nearest neighbour and a tree of depth four are
    fitted to up to 2,000 training samples, and scored on up to 2,000 held-out ones; for sequences of tokens the
    commonest token and the last one again. The network's score is that which the run ended with; without one, that of
    a short trial. Intervals are binomial, or by redrawing samples. Passed, if the network's interval lies above the
    constant answer (or its loss below that of any blind answer); the others are shown beside it. Failed only for a
    trained model: below the constant answer, or with less than half of what a simple learner gains on it.

    ## Known problems
    Nearest neighbours are hard to beat on small images: being behind them fails nothing. With weighted classes accuracy
    may rightly be below that of the commonest class: then the loss decides. A trial that was too short is undetermined.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "set up dumb baselines". Wilson (1927), intervals of a
    share. Olkin and Finn, "Correlations redux" (1995), standard error of r2.
    """
    problem = lab.problem
    if problem.kind == "unknown" or not problem.train.roles.targets:
        return Outcome("not assessed", "there are no targets of which it is known what they mean")
    simple = simple_scores(problem)
    if simple is None:
        return Outcome("not assessed", "there are too few samples, or their targets make no table")
    twins = train_twins(lab, twin_steps(lab))
    model = _model(lab, simple, twins)
    if model is None:
        why = twins.missing.get("plain", "its outputs cannot be scored")
        return Outcome("not assessed", f"the network has no score to compare: {why}")
    return _judged(lab, model, simple, twins)
