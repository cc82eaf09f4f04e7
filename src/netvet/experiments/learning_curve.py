"""Whether more training data would help."""

from __future__ import annotations

from collections.abc import Sequence

from netvet.core import NetvetError
from netvet.experiments import paired
from netvet.experiments.advice import told
from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.paired import Comparison
from netvet.experiments.power_law import at, power_law
from netvet.experiments.validated import (
    Measure,
    fit_of,
    learns,
    length,
    measure_of,
    require_validation,
    trained,
    unripe,
)

PARTS = (8, 4, 2)
# An eighth of fewer samples than this is hardly a sample of the data.
LEAST_SIZE = 64
# With errors that fall as 1/n, faster than any learning curve that was measured (Hestness et al. 2017: at most n^-0.35
# far from its floor), twice the data bring half of what the doubling before has brought.
NEXT = 0.5


@experiment(stage="regularise", title="more data would not help", seconds=30, gate=False)
def learning_curve(lab: Lab) -> Outcome:
    """Train on an eighth, a quarter, a half and all of the samples, and extrapolate to twice as many.

    ## Why it matters
    More data is the best regulariser there is, and the most expensive: it is worth knowing what it would bring before
    any is gathered, and before much time goes into weaker means.

    ## How it is done
    Each size is trained at every seed for the same number of steps, and judged by its best validation score (or loss),
    as with early stopping. For each seed the law error = a + b n^-c is fitted; the gain of twice the data is what it
    says, with an interval over the seeds. Where the fits scatter too much to tell, the gain is taken to be half of what
    the two doublings before have brought on average. Advice, if it is sure and more than the scatter of the validation
    samples.

    ## Known problems
    An extrapolation holds for data of the same kind. A net that still learns after the steps of the trial would need
    more steps rather than more data: undetermined. Only the samples that were seen while the program ran are known.

    ## References
    Hestness et al., Deep Learning Scaling is Predictable, Empirically (2017), section 3. Cortes et al., Learning
    Curves: Asymptotic Values and Rate of Convergence, NeurIPS 1993, equation 2.
    """
    require_validation(lab)
    size = lab.problem.train.size
    if size is None:
        raise NetvetError("the step takes only whole batches of one form: samples cannot be drawn from them")
    if size < LEAST_SIZE:
        raise NetvetError(f"there are only {size} training samples: parts of them say nothing")
    steps = length(lab, len(lab.seeds) * (len(PARTS) + 1))
    sizes = [size // part for part in PARTS] + [size]
    full = trained(lab, steps, {})
    measure = measure_of(full)
    arms = [trained(lab, steps, {"subset": n}) for n in sizes[:-1]] + [full]
    if not any(learns(measure, arm) for arm in arms):
        raise NetvetError(f"validation {measure.name} does not improve in {steps} steps")
    errors = [[measure.error(arm[i]) for arm in arms] for i in range(len(lab.seeds))]
    floor = -float("inf") if measure.less_is_better else 0.0
    laws = [power_law(sizes, one, floor=floor) for one in errors]
    found = _gain(measure, errors, laws, size)
    evidence = {
        "sizes": sizes, "errors": errors, "laws": laws, "gain": found.record(), "measure": measure.name, "steps": steps,
        "matters": measure.matters, "train": [fit_of(measure, r) for r in full],
    }  # fmt: skip
    what = "loss" if measure.less_is_better else f"1 - {measure.name}"
    path = ", ".join(f"{sum(e[i] for e in errors) / len(errors):.3g}" for i in range(len(sizes)))
    said = (
        f"validation {what} is {path} for {', '.join(map(str, sizes))} samples; twice the data would change it by "
        f"{told(measure, found)}"
    )
    short = unripe(lab, measure, full)
    if short:
        return Outcome("undetermined", f"{said}, but the trials are too short: {short}", evidence)
    if found.high < 0 and -found.effect >= measure.matters:
        return Outcome(
            "advice", said, evidence, "Gather more training data, or augment those that are there.",
            ("too-few-samples",),
        )  # fmt: skip
    if -found.low < measure.matters or -found.effect < measure.matters / 2:
        return Outcome("passed", said, evidence)
    return Outcome("undetermined", f"{said}: the seeds do not decide", evidence)


def _cautious(errors: Sequence[Sequence[float]]) -> Comparison:
    """The least that the next doubling brings, from what the two before it have brought."""
    share = NEXT / 2
    found = paired.compare([share * one[-1] for one in errors], [share * one[-3] for one in errors])
    assert found is not None  # there are at least two seeds
    return found


def _gain(
    measure: Measure, errors: Sequence[Sequence[float]], laws: Sequence[tuple[float, float, float]], size: int
) -> Comparison:
    """What twice the data bring: by the fits, or by what was measured where these scatter and that does not."""
    fitted = paired.compare([at(law, 2 * size) for law in laws], [at(law, size) for law in laws])
    assert fitted is not None  # there are at least two seeds
    measured = _cautious(errors)
    sure = measured.high < 0 and -measured.effect >= measure.matters
    return measured if fitted.high >= 0 and sure else fitted
