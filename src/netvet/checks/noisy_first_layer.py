"""First-layer filters that look like noise."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import number

_CAUSES = (
    "random-labels", "lr-too-low", "lr-too-high", "detached-parameters", "parameters-not-in-optimizer",
    "frozen-parameters", "batch-mixing", "wrong-layout", "vanishing-gradient",
)  # fmt: skip


@check(
    stage="fit",
    kind="symptom",
    severity="note",
    since="0.1",
    measures="energy in high frequencies [share]",
    explained_by=_CAUSES,
    fixes={
        "train-longer": "Train longer, or with more weight decay.",
    },
)
def noisy_first_layer(
    first_layer_filters: Facts,
    *,
    limit: float = 0.95,  # of the roughness at the start
) -> Iterator[Finding]:
    """The first filters of an image model are as rough as at the start.

    ## Why it matters
    Filters that see edges and colours are smooth; noise says that they learned little.

    ## Example
    >>> from netvet.core import Facts
    >>> filters = {"layer": "conv1", "roughness": 0.5, "roughness_init": 0.5, "filters": 9}
    >>> noisy_first_layer(Facts.of(filters))[0].message
    'the filters of conv1 are as rough as at the start: 50% of their energy is in high frequencies, against 50%'

    ## Known problems
    Small filters, short runs and low-resolution images leave them rough: a note.

    ## References
    Karpathy et al., CS231n notes, section "first-layer visualizations".
    """
    for record in first_layer_filters:
        now, then = number(record, "roughness"), number(record, "roughness_init")
        if now is None or not then or now < limit * then or (number(record, "filters") or 0) < 8:
            continue
        message = f"the filters of {record.get('layer')} are as rough as at the start: "
        message += f"{now:.0%} of their energy is in high frequencies, against {then:.0%}"
        yield Finding(message, record.get("layer"), None, now, limit * then, confidence=0.4)
