"""A net that is no better than a predictor without any learning."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check
from netvet.stats import number


@check(
    stage="skeleton",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="score [as measured]",
    explained_by=(
        "unsuitable-architecture",
        "wrong-momentum",
        "unsuitable-optimizer",
        "oversized-regularisation",
        "unstable-depth",
        "saturating-activation",
        "cannot-overfit-batch",
        *("random-labels", "class-imbalance", "unshuffled-data", "label-out-of-range", "mismatched-normalisation"),
        *("unscaled-input", "unscaled-target", "constant-feature", "constant-target", "mutated-data", "missing-class"),
        *("missing-zero-grad", "missing-step", "detached-loss", "negated-loss", "broadcast-loss", "clipped-loss"),
        *("mismatched-loss", "double-softmax", "wrong-softmax-dim", "logits-as-probabilities", "wrong-call-order"),
        *("parameters-not-in-optimizer", "stale-optimizer", "detached-parameters", "frozen-parameters"),
        *(
            "symmetric-init",
            "unused-recurrence",
            "badly-scaled-init",
            "wrong-output-activation",
            "batch-mixing",
            "misstepped-scheduler",
        ),
        *("lr-too-high", "lr-too-low", "non-finite-input", "unsafe-loss-arithmetic", "evaluation-in-train-mode"),
        *("regularisation-dominates", "stopped-early", "ignores-input", "collapsed-prediction", "overfitting"),
    ),
    fixes={"overfit-batch": "Make the net fit one batch first; if it cannot, the fault is in model, loss or loop."},
    experiments=("baselines", "lr-range", "overfit-batch"),
)
def below_baseline(
    baselines: Facts,
    random_labels: Facts | None = None,
    *,
    fewest: int = 50,  # samples of the evaluation
    kept: float = 0.3,  # of what simple learners reach beyond a constant within the training samples
) -> Iterator[Finding]:
    """The net scores no better on the evaluation data than a constant answer.

    ## Why it matters
    All the training has given nothing that counting the targets would not give.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = {"split": "val", "score": "accuracy", "samples": 400, "model": 0.1, "majority": 0.12, "linear": 0.9}
    >>> below_baseline(Facts.of(sick))[0].message
    'the net ends at an accuracy of 0.1 on 400 evaluation samples, no better than a constant answer (0.12)'

    ## Known problems
    On training data alone nothing is said: the two sides of a GAN end at chance. With most samples in one class the
    constant answer is hard to beat: then it is a note. Where simple learners keep
    their score from training to evaluation samples, a net above the constant answer is not this check's matter.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): input-independent baseline.
    """
    for record in baselines:
        model, count, score = number(record, "model"), number(record, "samples") or 0, record.get("score")
        constant = number(record, "majority" if score == "accuracy" else "mean")
        if record.get("split") != "val" or score not in ("accuracy", "r2") or model is None or count < fewest:
            continue
        if constant is None or constant > 0.99:
            continue
        learned = _other_meaning(record, random_labels, constant, kept)
        if model > constant and learned is None:
            continue
        name = "an accuracy" if score == "accuracy" else "an R2"
        message = f"the net ends at {name} of {model:.3g} on {count:g} evaluation samples, "
        message += f"{'hardly' if model > constant else 'no'} better than a constant answer ({constant:.3g})"
        sure = 0.9 if model < constant - 2 * math.sqrt(0.25 / count) else 0.7
        if learned is not None:
            message += (
                f"; simple learners reach {learned:.2g} within the training samples and no more than the net here: "
                "inputs or targets of the two do not mean the same"
            )
            sure = 0.95
        severity: Severity = "note" if score == "accuracy" and constant > 0.9 else "warning"
        yield Finding(message, record.get("site"), None, model, constant, severity=severity, confidence=sure)
        return


def _other_meaning(record: Record, within: Facts | None, constant: float, kept: float) -> float | None:
    """What simple learners reach within the training samples, where net and learners lose it in the evaluation."""
    reached = next((number(r, "true_score") for r in within or () if r.get("score") == "accuracy"), None)
    outside = [number(record, "linear"), number(record, "nearest"), number(record, "model")]
    known = [v for v in outside if v is not None]
    if record.get("score") != "accuracy" or reached is None or len(known) < 2 or reached < constant + 0.3:
        return None
    return reached if max(known) < constant + kept * (reached - constant) else None
