"""A loss before the first update that no untrained net should have."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number, wide_init

_CLASSIFYING = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")

_CAUSES = (
    "unscaled-input", "uncentred-input", "unscaled-target", "badly-scaled-init", "wrong-final-bias",
    "mismatched-loss", "broadcast-loss", "unreduced-loss", "negated-loss", "wrong-class-weights",
    "logits-as-probabilities", "wrong-softmax-dim", "wrong-output-activation", "double-softmax", "double-sigmoid",
    "label-out-of-range", "unsafe-loss-arithmetic", "regularisation-dominates", "target-in-input", "future-leak",
    "wrong-dtype", "wrong-layout", "non-finite-input", "padding-in-loss",
)  # fmt: skip


@check(
    stage="skeleton",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="loss before the first update [loss]",
    explained_by=_CAUSES,
    fixes={
        "standardise": "Standardise what enters the net, then look at the first loss again.",
        "smaller-init": "Initialise the last layer with small weights, so that the first outputs are near zero.",
        "final-bias": "Set the bias of the last layer to the mean of the target or the log prior of the classes.",
    },
    experiments=("initial-loss", "final-bias"),
)
def unexpected_initial_loss(
    initial_loss: Facts,
    losses: Facts | None = None,
    targets: Facts | None = None,
    parameters: Facts | None = None,
    *,
    ratio: float = 2.0,  # catalogue: twice the expected value; default PyTorch init stays within 1.3 of log(classes)
    sure_ratio: float = 3.0,  # raw pixels and N(0, 1) weights start 7 to 90 times too high; below 3 only a note
    regression_ratio: float = 10.0,  # a sigmoid autoencoder of dark images starts healthily at 2.3
    sigmas: float = 3.0,  # beyond the spread over re-drawn batches or initialisations
) -> Iterator[Finding]:
    """The loss before the first update is far from what an untrained net should have.

    ## Why it matters
    An untrained classifier guesses evenly, so its cross-entropy starts near the logarithm of the number of classes; a
    regressor starts near the variance of its target. A loss far above that means that the net begins confidently
    wrong: unscaled input, too large weights, a wrong activation or the wrong loss.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"function": "cross_entropy", "measured": 26.4, "expected": 2.30, "classes": 10})
    >>> unexpected_initial_loss(sick)[0].message
    'the loss before the first update is 26.4, 11 times the 2.3 that an untrained net should have'

    ## Known problems
    Pretrained and resumed nets start lower, and a net whose last bias is zero starts at the loss of an even guess even
    where the classes are unequal: both stay silent. Summed losses are not judged, as their expected value depends on
    the batch. A loss far below an even guess is only a note.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): "verify loss at init".
    """
    loaded = any(r.get("loaded") for r in parameters or ())
    for record in initial_loss:
        measured, expected = number(record, "measured"), number(record, "expected")
        loss = next((r for r in losses or () if r.get("site") == record.get("site") and r.get("phase") != "eval"), {})
        if measured is None or expected is None or expected <= 0 or loss.get("reduction") == "sum":
            continue
        classifies = record.get("function") in _CLASSIFYING
        guess = max(expected, number(record, "best_constant") or 0.0, _blind_guess(record, targets))
        spread = sigmas * (number(record, "spread") or 0.0)
        limit = guess * (ratio if classifies else regression_ratio)
        where = record.get("site")
        place = wide_init(parameters) or location_of(loss, "input") or location_of(record)
        rule = {k: record.get(k) for k in ("rule", "function")}
        if measured > limit and measured - guess > spread:
            times = measured / guess
            far = f"{times:.2g} times the {guess:.2g} that an untrained net should have"
            message = f"the loss before the first update is {measured:.3g}, {far}"
            severity: Severity | None = None if not classifies or times > sure_ratio else "note"
            yield Finding(message, where, 0, measured, limit, place, rule, severity=severity, confidence=0.7)
        elif classifies and not loaded and measured < expected / ratio and expected - measured > spread:
            far = f"less than the {expected:.2g} that an untrained net should have"
            message = f"the loss before the first update is {measured:.3g}, {far}"
            yield Finding(message, where, 0, measured, expected / ratio, place, rule, severity="note", confidence=0.5)


def _blind_guess(record: Record, targets: Facts | None) -> float:
    """Loss of a net whose outputs are all zero: also a legal start, though not the best constant."""
    function, classes = record.get("function"), number(record, "classes")
    if function in ("cross_entropy", "nll_loss"):
        return math.log(classes) if classes and classes > 1 else 0.0
    if function in _CLASSIFYING:
        return math.log(2.0)
    target = next((r for r in targets or () if r.get("site") == record.get("site")), {})
    mean, std = number(target, "mean"), number(target, "std")
    if mean is None or std is None:
        return 0.0
    square = mean * mean + std * std
    return square if function in (None, "mse_loss") else math.sqrt(square)
