"""Whether it is worth while to go on with the training."""

from __future__ import annotations

from netvet.core import NetvetError
from netvet.experiments import paired
from netvet.experiments.advice import told
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.power_law import at, power_law
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
# The first tenth of a training is no power law: the loss of the classes' shares is learned there.
SKIPPED = 0.1


@experiment(stage="squeeze", title="trained for long enough", seconds=20, gate=False)
def leave_it_training(lab: Lab) -> Outcome:
    """Extrapolate the validation curve to twice the steps.

    ## Why it matters
    Networks go on getting better for longer than one thinks; stopping when the curve seems flat is a common mistake.
    Whether it is one here can be read off the curve.

    ## How it is done
    The program is trained at five seeds for as many steps as it takes itself, as far as that is known and affordable.
    For each seed the law a + b t^-c is fitted to the validation error (or loss) along the steps, without the first
    tenth; the gain of twice the steps is what it says, with an interval over the seeds. Advice, if it is sure and more
    than the scatter of the validation samples, and the curve has not turned.

    ## Known problems
    A schedule that lets the learning rate go to zero at the last step flattens the curve there: more steps need a
    longer schedule, and bring more than is said. An extrapolation does not see a sudden fall after a long plateau.

    ## References
    Karpathy, "A Recipe for Training Neural Networks" (2019), "leave it training". Kaplan et al., Scaling Laws for
    Neural Language Models (2020), section 5.2.
    """
    require_validation(lab)
    seeds = [*lab.seeds, *fresh_seeds(lab)][: max(CONFIRMED_ON, len(lab.seeds))]
    steps = length(lab, len(seeds), MOST_STEPS)
    results = trained(lab, steps, {}, seeds)
    measure = measure_of(results)
    if not learns(measure, results):
        raise NetvetError(f"validation {measure.name} does not improve in {steps} steps")
    points = [s for s in steps_of(results[0]) if s >= SKIPPED * steps]
    errors = [_errors(measure, measure.values(r))[-len(points) :] for r in results]
    floor = -float("inf") if measure.less_is_better else 0.0
    laws = [power_law(points, one, floor=floor) for one in errors]
    found = paired.compare([at(law, 2 * steps) for law in laws], [at(law, steps) for law in laws])
    assert found is not None  # there are five seeds
    mean = [sum(one[i] for one in errors) / len(errors) for i in range(len(points))]
    evidence = {
        "steps": points, "errors": errors, "laws": laws, "gain": found.record(), "measure": measure.name,
        "matters": measure.matters,
    }  # fmt: skip
    what = "loss" if measure.less_is_better else f"1 - {measure.name}"
    said = f"validation {what} is {mean[-1]:.3g} after {steps} steps; twice the steps"
    turned = mean[-1] - min(mean)
    if turned >= measure.matters:
        best = points[mean.index(min(mean))]
        said = f"{said} would bring nothing: it was {min(mean):.3g} after {best} steps"
        return Outcome("passed", said, evidence)
    said = f"{said} would change it by {told(measure, found)}"
    sure = found.high < 0 and -found.effect >= measure.matters
    if sure and not is_whole(lab, steps):
        known = len(lab.problem.rates)
        own = f"takes {known} steps or more" if known else "may take more steps, or fewer"
        return Outcome("undetermined", f"{said}; the program itself {own}", evidence)
    if sure:
        return Outcome("advice", said, evidence, "Leave it training: for twice the steps, or more.", ("stopped-early",))
    if -found.low < measure.matters or -found.effect < measure.matters / 2:
        return Outcome("passed", said, evidence)
    return Outcome("undetermined", f"{said}: the seeds do not decide", evidence)


def _errors(measure: Measure, values: list[float]) -> list[float]:
    return values if measure.less_is_better else [1.0 - v for v in values]
