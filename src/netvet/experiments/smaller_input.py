"""Whether pictures of half the size would do."""

from __future__ import annotations

from dataclasses import replace

from netvet.core import NetvetError
from netvet.experiments.advice import advice
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.regularisers import images_in
from netvet.experiments.validated import screen

NAME = "pictures of half the resolution"


@experiment(stage="regularise", title="input of the right size", seconds=15, gate=False)
def smaller_input(lab: Lab) -> Outcome:
    """Train on pictures that are averaged over squares of two by two pixels.

    ## Why it matters
    Detail that does not help is noise that a net can overfit to, and costs four times the time.

    ## How it is done
    Training and validation pictures are averaged, and brought back to their size, so that the same model takes them.
    Judged by the best validation score (or loss), and compared once more on five fresh seeds.

    ## Known problems
    A model made for small pictures would be another one; that is not tried.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "smaller input dimensionality".
    """
    if not images_in(lab.problem.train):
        raise NetvetError("the inputs are no pictures")
    found = screen(lab, {NAME: {"coarser-images": 2}})
    outcome = advice(found, lambda name: f"use {name}", kept="pictures are best as they are", suspects=("overfitting",))
    gap, measure = found.compared.get(NAME), found.measure
    same = gap is not None and gap.verdict(less_is_better=measure.less_is_better, matters=measure.matters)
    if outcome.verdict == "passed" and same == "no difference":
        return replace(outcome, message=f"{outcome.message}; half the resolution would do, if it is to be faster")
    return outcome
