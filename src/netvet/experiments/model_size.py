"""Whether a smaller net does as well, and whether the width that there is was worth it."""

from __future__ import annotations

from dataclasses import replace

from netvet.experiments.advice import advice, told
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.validated import confirm, screen

HALF = "half of the hidden units"
QUARTER = "a quarter of the hidden units"


@experiment(stage="regularise", title="of the right size", seconds=30, gate=False)
def model_size(lab: Lab) -> Outcome:
    """Train with a half and a quarter of the hidden units, with early stopping.

    ## Why it matters
    A net that is too large is slow and may overfit; one that is too small cannot be helped by any tuning. Large nets
    with early stopping are often better than small ones.

    ## How it is done
    Of each hidden activation a half (three quarters) of the units or channels is held at zero, in training and
    evaluation; the others are scaled up, so that the next layer sees the variance that it was initialised for. That is
    a narrower net of the same architecture, on the same batches. Judged by the best validation score (or loss). Advice,
    if a narrower net is better on five fresh seeds; or if half of the units are worse there by more than the scatter of
    the validation samples: then the width still pays, and a wider net is worth a try.

    ## Known problems
    A wider net is not made: how the parts of an unknown model hang together is not known. Widths that are no hidden
    activation (of embeddings, recurrent states, residual streams) stay as they are.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "decrease model size", "try a larger model".
    """
    found = screen(lab, {HALF: {"narrower": 0.5}, QUARTER: {"narrower": 0.25}})
    measure = found.measure
    gap = found.compared.get(HALF)
    if not found.unripe and gap is not None and measure.gain(gap.effect) <= -measure.matters:
        sure = confirm(lab, measure, found.steps, {"narrower": 0.5})
        if sure is not None and sure.verdict(less_is_better=measure.less_is_better, matters=measure.matters) == "worse":
            return Outcome(
                "advice",
                f"width pays: with {HALF} validation {measure.name} changes by {told(measure, sure)} on {sure.pairs} "
                "fresh seeds",
                found.evidence(),
                "Try a net of twice the width, with early stopping.",
                ("insufficient-capacity",),
            )
    outcome = advice(found, lambda name: f"use {name}", kept="no narrower net does better", suspects=("overfitting",))
    same = gap is not None and gap.verdict(less_is_better=measure.less_is_better, matters=measure.matters)
    if outcome.verdict == "passed" and same == "no difference":
        return replace(outcome, message=f"{outcome.message}; half of the units would do, if it is to be faster")
    return outcome
