"""Whether the training goes on for too long."""

from __future__ import annotations

from collections.abc import Sequence

from netvet.core import NetvetError
from netvet.experiments import paired
from netvet.experiments.advice import told
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.trial import Result
from netvet.experiments.validated import (
    CONFIRMED_ON,
    Measure,
    fresh_seeds,
    is_whole,
    learns,
    length,
    measure_of,
    require_validation,
    steps_of,
    trained,
)

MOST_STEPS = 2_000


def _best_places(measure: Measure, results: Sequence[Result]) -> list[int]:
    """Where each training should stop, by the mean curve of the others: its own scatter has no part in the choice."""
    curves = [measure.values(r) for r in results]
    places = []
    for i in range(len(curves)):
        others = [c for j, c in enumerate(curves) if j != i]
        mean = [sum(c[p] for c in others) / len(others) for p in range(len(curves[i]))]
        places.append(mean.index(min(mean) if measure.less_is_better else max(mean)))
    return places


@experiment(stage="regularise", title="stops in time", seconds=20, gate=False)
def early_stopping(lab: Lab) -> Outcome:
    """Watch validation along the training: where it is best, and what the steps after that cost.

    ## Why it matters
    From some step on a net learns its samples by heart, and becomes worse on others. Keeping the weights of the best
    step is the cheapest regulariser.

    ## How it is done
    The program is trained at five seeds for as many steps as it takes itself, as far as that is known and affordable,
    with a validation score (or loss) at a dozen steps. For each seed the best step is chosen by the mean of the other
    seeds, so that scatter is not taken for a peak, and compared with the last step by a paired t-test. Advice, if the
    later steps cost more than the scatter of the validation samples.

    ## Known problems
    The loss of a classifier can rise while its accuracy stays: the score is judged where there is one. A second descent
    after very long training is not seen.

    ## References
    Prechelt, Early Stopping - But When? (1998). Nakkiran et al., Deep Double Descent, ICLR 2020.
    """
    require_validation(lab)
    seeds = [*lab.seeds, *fresh_seeds(lab)][: max(CONFIRMED_ON, len(lab.seeds))]
    steps = length(lab, len(seeds), MOST_STEPS)
    results = trained(lab, steps, {}, seeds)
    measure = measure_of(results)
    if not learns(measure, results):
        raise NetvetError(f"validation {measure.name} does not improve in {steps} steps")
    places = _best_places(measure, results)
    curves = [measure.values(r) for r in results]
    found = paired.compare([c[-1] for c in curves], [c[p] for c, p in zip(curves, places, strict=True)])
    at = steps_of(results[0])
    best = at[sorted(places)[len(places) // 2]]
    level = sum(c[p] for c, p in zip(curves, places, strict=True)) / len(curves)
    evidence = {
        "steps": at, "curves": curves, "measure": measure.name, "best_step": best, "matters": measure.matters,
        "losses": [r.extra["validation"]["loss"] for r in results], "cost": found.record() if found else None,
    }  # fmt: skip
    said = f"validation {measure.name} is best around step {best} ({level:.3g})"
    verdict = found.verdict(less_is_better=measure.less_is_better, matters=measure.matters) if found else "undecided"
    if found is None or best >= at[-1]:
        if is_whole(lab, steps):
            return Outcome("passed", f"{said}, which is its last: nothing is lost by later steps", evidence)
        return Outcome("undetermined", f"{said}, which is the last of the trial (--budget gives more steps)", evidence)
    said = f"{said}; the steps from there to {at[-1]} change it by {told(measure, found)}"
    if verdict == "worse":
        return Outcome(
            "advice", said, evidence,
            f"Stop when validation {measure.name} has not improved for a while, and keep the best weights.",
            ("overfitting",),
        )  # fmt: skip
    if steps < len(lab.problem.rates):
        rest = f"the program goes on to {len(lab.problem.rates)} or more (--budget gives more steps)"
        return Outcome("undetermined", f"{said}; {rest}", evidence)
    gain = measure.gain(found.low if not measure.less_is_better else found.high)
    if verdict in ("better", "no difference") or gain > -2 * measure.matters:
        return Outcome("passed", said, evidence)
    return Outcome("undetermined", f"{said}: the seeds do not decide", evidence)
