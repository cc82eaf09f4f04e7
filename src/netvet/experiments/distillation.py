"""Whether one net that learns from an ensemble is better than one that learns from labels."""

from __future__ import annotations

from netvet.experiments.advice import advice
from netvet.experiments.ensemble import require_outputs
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.validated import CONFIRMED_ON, length, measure_of, screen, trained, unripe

TEACHERS = 3


@experiment(stage="squeeze", title="distillation", seconds=20, gate=False)
def distillation(lab: Lab) -> Outcome:
    """Train one net on the mean outputs of three others and on the labels, beside one on labels alone.

    ## Why it matters
    Much of what an ensemble gains can be put into a single net, which costs no more than any other when it is used.

    ## How it is done
    Three teachers of seeds of their own are trained as the program does it. The loss of the student is half that of the
    program and half the cross-entropy with the teachers' mean probabilities at temperature 2 (for numbers: the squared
    distance from their mean). Students and their twins have the same seeds and batches. Judged by the best validation
    score; advice only, if it is better on five fresh seeds by a paired t-test and by more than the scatter of the
    validation samples.

    ## Known problems
    The teachers know no other samples than the student: the gain is that of an ensemble, at most. For a loss that is
    no cross-entropy or squared error, the two halves may have different units.

    ## References
    Hinton et al., Distilling the Knowledge in a Neural Network (2015), section 2.
    """
    require_outputs(lab)
    steps = length(lab, 2 * len(lab.seeds) + 2 * CONFIRMED_ON + TEACHERS)
    plain = trained(lab, steps, {})
    measure = measure_of(plain)
    short = unripe(lab, measure, plain)
    if short:  # before the teachers cost any time
        return Outcome("undetermined", f"there is nothing to distil yet: {short}")
    first = max(lab.seeds) + 1 + CONFIRMED_ON
    teachers = {"seeds": list(range(first, first + TEACHERS)), "steps": steps}
    name = "an ensemble as teacher"
    found = screen(lab, {name: {"distilled": teachers}}, steps=steps)
    return advice(found, lambda one: f"train one net with {one}", kept="labels are as good a teacher as an ensemble")
