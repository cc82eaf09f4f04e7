"""Whether the score of the whole validation set is the mean of the scores of its batches, and how sure it is."""

from __future__ import annotations

from netvet.experiments.experiment import Outcome, experiment
from netvet.experiments.lab import Lab
from netvet.experiments.learning import twin, twin_steps
from netvet.experiments.trial import Trial

STEPS = 100
# A gap above this share of the half error bar can turn a comparison.
MATTERS = 0.25


@experiment(stage="skeleton", title="evaluation over the whole set", seconds=5, gate=False)
def whole_evaluation(lab: Lab) -> Outcome:
    """Score the whole validation set at once, and compare with the mean of the scores of its batches.

    ## Why it matters
    A mean over batches gives the samples of a small last batch more weight, and is wrong altogether for scores that are
    no means (r2, F1). And a score has an error bar: differences within it are luck.

    ## How it is done
    After a short training, predictions of all validation batches are put together and scored once. Accuracy has
    Wilson's interval; r2 that of 200 sets drawn from the samples with replacement. Metrics of Keras count each sample
    once, so that there only the error bar is told.

    ## Known problems
    What the script itself averages is not seen: this says how much it would matter. Positions of one sequence are
    counted as samples, which makes the error bar too narrow for text.

    ## References
    Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22; Karpathy, "A Recipe
    for Training Neural Networks" (2019), "evaluate over the entire test set".
    """
    trial = twin(lab, twin_steps(lab), lab.seeds[0])  # where other experiments compare with it, it is done
    if "by-batch" not in trial.changes:
        trial = Trial(lab.steps(STEPS, 1), 0, {"by-batch": True}, scores=False)
    result = lab.run([trial])[0]
    if result.ended == "failed":
        return Outcome("not assessed", f"a copy of the model could not be trained: {result.error}")
    found = result.extra
    if "whole" not in found:
        return Outcome("not assessed", "no score is known for these targets")
    each = [s for s in found["each"] if s is not None]
    if not each:
        return Outcome("not assessed", "the batches are too small for scores of their own")
    mean, name, whole = sum(each) / len(each), found["name"], found["whole"]
    half = (found["high"] - found["low"]) / 2
    told = (
        f"{name} on all {found['samples']} validation samples after {len(result.losses)} steps: {whole:.3f} "
        f"(95 %: {found['low']:.3f} to {found['high']:.3f}); mean over {len(each)} batches: {mean:.3f}"
    )
    if lab.problem.details.get("scored_once"):
        return Outcome("passed", f"{told}; evaluate counts each sample once", dict(found))
    if abs(mean - whole) > MATTERS * half:
        return Outcome(
            "advice", told, dict(found), "Collect the predictions of all batches, and score them once.",
            ("misread-metric",),
        )  # fmt: skip
    return Outcome("passed", told, dict(found))
