"""A net that does not look at its input."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="rise of the loss without its input [share]",
    explained_by=(
        "unsuitable-architecture",
        "wrong-momentum",
        "unsuitable-optimizer",
        "oversized-regularisation",
        "unstable-depth",
        "saturating-activation",
        "cannot-overfit-batch",
        "random-labels",
        "constant-feature",
        "constant-target",
        "unscaled-input",
        "missing-step",
        "detached-loss",
        "wrong-call-order",
        "lr-too-low",
        "lr-too-high",
        "symmetric-init",
        "unused-recurrence",
        "batch-mixing",
        "broadcast-loss",
        "class-imbalance",
        "detached-parameters",
        "mismatched-loss",
        "label-out-of-range",
        "wrong-softmax-dim",
        "dead-relu",
        "clipped-loss",
        "unshuffled-data",
        "oversized-dropout",
        "regularisation-dominates",
        "badly-scaled-init",
    ),
    fixes={"overfit-batch": "Make the net fit one batch first; then look at what enters the net."},
    experiments=("input-independent", "overfit-batch"),
)
def ignores_input(
    input_ablation: Facts,
    run: Facts | None = None,
    targets: Facts | None = None,
    optimizers: Facts | None = None,
    *,
    gain: float = 0.01,  # relative fall of the loss that real inputs must give
    fewest: int = 50,  # steps; a shorter run has had no chance
) -> Iterator[Finding]:
    """The trained net does no better with the real inputs than with shuffled ones.

    ## Why it matters
    It has learned the distribution of the targets and nothing else.

    ## Example
    >>> from netvet.core import Facts
    >>> ignores_input(Facts.of({"site": "train.py:44", "real": 2.302, "shuffled": 2.303, "zeroed": 2.303}))[0].message
    'the loss is 2.302 with the real inputs and 2.303 with shuffled ones: the net does not use its input'

    ## Known problems
    Several optimizers (adversarial nets) and constant targets (residuals) make any order equal: silent. So are short
    runs, and losses near or below zero.

    ## References
    Karpathy, A Recipe for Training Neural Networks (2019): input-independent baseline.
    """
    if any((number(r, "steps") or fewest) < fewest for r in run or ()):
        return
    if len(optimizers or ()) > 1:  # a net at its equilibrium with another one tells nothing apart
        return
    fixed = {t.get("site") for t in targets or () if number(t, "std") == 0 or t.get("classes_seen") == 1}
    for record in input_ablation:
        real, shuffled = number(record, "real"), number(record, "shuffled")
        if real is None or shuffled is None or real < 1e-3 or record.get("site") in fixed:
            continue
        right, wrong = number(record, "accuracy_real"), number(record, "accuracy_shuffled")
        # Real inputs that do clearly worse are used, only wrongly: other classes than those of the training.
        if abs(shuffled - real) > gain * real or (right is not None and wrong is not None and right - wrong > 0.02):
            continue
        message = (
            f"the loss is {real:.4g} with the real inputs and {shuffled:.4g} with shuffled ones: "
            "the net does not use its input"
        )
        layer, loss = record.get("blocked_by"), (shuffled - real) / real
        if layer:
            message += f"; the output of {layer} is the same for every sample although its input is not"
            yield Finding(message, str(layer), None, loss, gain, confidence=0.9)
        else:
            yield Finding(message, record.get("site"), None, loss, gain, location_of(record), confidence=0.7)
