"""Whether smaller batches generalise better."""

from __future__ import annotations

from netvet.core import NetvetError
from netvet.experiments.advice import advice
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.validated import screen

# Below this the statistics of a batch norm, and the mean gradient, are those of single samples.
LEAST_BATCH = 8


@experiment(stage="regularise", title="batches of the right size", seconds=20, gate=False)
def smaller_batch(lab: Lab) -> Outcome:
    """Train with batches of half the size, on as many samples: in twice the steps.

    ## Why it matters
    The noise of small batches regularises, and each sample is used for more updates; the price is time.

    ## How it is done
    The learning rate stays as it is, and is tried at 0.7 of it too (the square root of the batch's share, which keeps
    the noise of Adam's steps); a schedule is stretched. Judged by the best validation score (or loss). The one that
    looks best is compared once more, on five fresh seeds: advice only, if it is better there by a paired t-test and by
    more than the scatter of the validation samples.

    ## Known problems
    Where the learning rate is too low, more steps help for that reason. Batch norm sees fewer samples.

    ## References
    Keskar et al., On Large-Batch Training for Deep Learning, ICLR 2017. Malladi et al., On the SDEs and Scaling Rules
    for Adaptive Gradient Algorithms, NeurIPS 2022.
    """
    train = lab.problem.train
    if train.size is None:
        raise NetvetError("the step takes only whole batches of one form: no smaller ones can be made")
    size = min(train.batch_size or 0, train.size)
    if size < 2 * LEAST_BATCH:
        raise NetvetError(f"batches of {size} samples are small already")
    half = {"batch-size": size // 2, "stretched-schedule": 2}
    name = f"batches of {size // 2}"
    found = screen(lab, {name: half, f"{name} at 0.7 of the learning rate": {**half, "lr-factor": 0.5**0.5}}, longer=2)
    return advice(found, lambda one: f"use {one}", kept=f"batches of {size} stay", suspects=("too-large-batch",))
