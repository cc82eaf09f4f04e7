"""A net that does worse than people do on the same data."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, LayerSeries, check
from netvet.stats import number

_CAUSES = (
    "cannot-overfit-batch", "insufficient-capacity", "too-few-samples", "overfitting", "underfitting", "below-baseline",
    "label-errors", "random-labels", "split-drift", "split-overlap", "class-imbalance", "missing-class",
    "label-out-of-range", "mismatched-normalisation", "excessive-augmentation", "label-breaking-augmentation",
    "unscaled-input", "uncentred-input", "constant-feature", "unshuffled-data", "mutated-data", "missing-nonlinearity",
    "missing-zero-grad", "missing-step", "detached-loss", "negated-loss", "broadcast-loss", "clipped-loss",
    "mismatched-loss", "double-softmax", "double-sigmoid", "wrong-softmax-dim", "logits-as-probabilities",
    "wrong-call-order", "parameters-not-in-optimizer", "stale-optimizer", "detached-parameters", "frozen-parameters",
    "unregistered-parameters", "symmetric-init", "badly-scaled-init", "unused-recurrence", "wrong-output-activation",
    "batch-mixing", "misstepped-scheduler", "lr-too-high", "lr-too-low", "lr-decays-early", "always-clipped",
    "evaluation-in-train-mode", "training-in-eval-mode", "regularisation-dominates", "oversized-regularisation",
    "oversized-dropout", "stopped-early", "ignores-input", "collapsed-prediction", "dead-relu", "saturated-activation",
    "vanishing-gradient", "wrong-class-weights", "wrong-momentum", "unsuitable-optimizer", "unsuitable-architecture",
    "unstable-depth", "saturating-activation", "too-large-batch", "too-small-batch", "non-finite-input",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="score [as measured]",
    explained_by=_CAUSES,
    fixes={
        "look-at-inputs": "Look at what enters the net as people look at the samples: is what they go by still there?",
        "wider": "Where the training score is as far behind: a larger net, or longer training.",
        "more-data": "Where only the validation score is behind: more samples, augmentation, regularisation.",
    },
    experiments=("overfit-batch", "capacity", "lr-range", "baselines"),
)
def below_human(
    human_baseline: Facts,
    val_accuracy: LayerSeries,
    evaluations: Facts | None = None,
    *,
    gap: float = 0.02,  # of the accuracy; two people who label with care differ by as much
    fewest: int = 50,  # samples of an evaluation
) -> Iterator[Finding]:
    """The net is clearly worse than people on the same task: what it needs is in the data, and it does not get it.

    ## Why it matters
    What people can tell from a sample can be learned from it. The distance to them says how much is still to be won,
    and that it is not noise of the labels.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> people = Facts.of({"annotator": "ann", "accuracy": 0.98, "low": 0.95, "high": 0.99, "samples": 200})
    >>> passes = Facts.of({"loss_site": "train.py:9", "samples": 450})
    >>> below_human(people, LayerSeries.of(**{"train.py:9": [0.5, 0.8]}), passes)[0].message
    'the net has an accuracy of 0.8 (to 0.83) on 450 validation samples, ann one of 0.98 (from 0.95) on 200 of them'

    ## Known problems
    People must have labelled the data that the net is judged on, blind, as `netvet data --annotate` asks them to; a net
    on other data, or with a harder task than people had, is not to be compared. Nothing is said where the two intervals
    of 95 % meet. Where people are no better than the net, labels or samples may be what limits both.

    ## References
    Ng, Machine Learning Yearning (2018), chapters 22 and 33: avoidable bias, and why people are a useful limit.
    Karpathy, A Recipe for Training Neural Networks (2019): human baseline.
    """
    people = [r for r in human_baseline if number(r, "low") is not None and number(r, "accuracy") is not None]
    if not people:
        return
    best = max(people, key=lambda r: number(r, "low") or 0.0)
    accuracy, low, shown = number(best, "accuracy") or 0.0, number(best, "low") or 0.0, number(best, "samples")
    for site, series in val_accuracy.items():
        scores, count = series.finite(), _samples(evaluations, site)
        if not len(scores) or count < fewest or "training data" in site:
            continue
        model = float(scores.values[-1])
        high = _high(model, count)
        if high >= low or accuracy - model < gap:
            continue
        message = f"the net has an accuracy of {model:.3g} (to {high:.2g}) on {count:g} validation samples, "
        message += f"{best.get('annotator') or 'people'} one of {accuracy:.3g}"
        message += f" (from {low:.2g}) on {shown:g} of them" if shown else ""
        yield Finding(message, site, int(scores.steps[-1]), model, low, confidence=0.6)
        return


def _samples(evaluations: Facts | None, site: str) -> float:
    """Samples of the last evaluation whose loss is computed there."""
    counts = [number(e, "samples") or 0 for e in evaluations or () if e.get("loss_site") == site.partition(" ")[0]]
    return counts[-1] if counts else 0


def _high(share: float, count: float, z: float = 1.96) -> float:
    """Upper end of the 95 % interval of a share (Wilson 1927, equation 4)."""
    weight = z * z / count
    half = z * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return min((share + weight / 2 + half) / (1 + weight), 1.0)
