"""A mask is given but has no effect."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number

# Layers that have no mask to apply, and whose users take the first padded position's influence for granted.
_LOCAL = ("LSTM", "GRU", "RNN", "Conv", "MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="change of unmasked outputs [std of the outputs]",
    fixes={
        "apply-mask": "Apply the mask to the attention scores (minus infinity before softmax) and to every pooling.",
    },
)
def ignored_mask(
    mask_probe: Facts,
    *,
    tolerance: float = 1e-4,  # relative; where the probe gives none: float32 rounding over a few layers
    pads: float = 0.01,  # share of padded positions below which it does not matter
) -> Iterator[Finding]:
    """What stands at masked positions changes the outputs at the others.

    ## Why it matters
    Padding is not data. When it leaks, the prediction for a sample depends on how long its neighbours happen to be.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"model": "Tagger", "mask": "mask", "given": True, "output_changes": 0.3, "tolerance": 1e-5,
    ...                  "pad_share": 0.4})
    >>> ignored_mask(sick)[0].message
    'outputs of Tagger at unmasked positions change by 0.3 when only masked content changes (40% is padding)'

    ## Known problems
    Recurrent nets that read left to right are not changed by padding on the right. Without a mask, padding that leaks
    is a note only, and so is a recurrent net or a convolution that runs over it: many models learn to live with it.

    ## References
    Vaswani et al., "Attention Is All You Need", 3.2.3: masking sets the scores to minus infinity.
    """
    for record in mask_probe:
        changes, limit = number(record, "output_changes"), number(record, "tolerance") or tolerance
        share, given = number(record, "pad_share"), record.get("given")
        if changes is None or changes <= limit or (share is not None and share < pads):
            continue
        amount = f" ({share:.0%} is padding)" if share is not None else ""
        model = record.get("model")
        message = f"outputs of {model} at unmasked positions change by {changes:.2g} when only masked content changes"
        handed = given is True and bool(record.get("mask")) and not str(record.get("cls")).startswith(_LOCAL)
        evidence = {"mask": record.get("mask"), "pad_value": record.get("pad_value")}
        yield Finding(
            message + amount,
            model,
            0,
            changes,
            limit,
            location_of(record),
            evidence,
            severity=None if handed else "note",
            confidence=0.9 if handed else 0.5,
        )
