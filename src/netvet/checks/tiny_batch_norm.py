"""Batch norm that sees too few values."""

from __future__ import annotations

import math
from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="values per channel [count]",
    fixes={
        "group-norm": "Use group norm or layer norm, whose statistics do not need a batch, or a larger batch.",
    },
)
def tiny_batch_norm(
    modules: Facts,
    loaders: Facts | None = None,
    *,
    limit: int = 8,  # samples; Wu & He 2018, figure 1: the error of batch norm rises below 16 and steeply below 8
    values: int = 64,  # values per channel: with so many positions a small batch is estimated well
    tiny: int = 4,  # samples, below which many positions of the same few images do not help
) -> Iterator[Finding]:
    """Batch norm estimates its mean and variance from a handful of samples.

    ## Why it matters
    The statistics are noise: each sample is judged against its few neighbours in training, and against a running
    average in evaluation that fits none of them.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"name": "bn1", "model": "Net", "cls": "BatchNorm1d", "training": True, "called": 1,
    ...                  "input_shape": [2, 64]})
    >>> tiny_batch_norm(sick)[0].message
    'batch norm bn1 estimates mean and variance from 2 samples (2 values per channel)'

    ## Known problems
    Frozen (eval mode) norms are silent, and feature maps with many positions per sample are a note: they
    carry many values. Norms that are synchronised over replicas see more than one process shows.

    ## References
    Wu and He, "Group Normalization", 2018, figure 1.
    """
    hit = []
    for record in modules:
        cls, shape = str(record.get("cls")), list(record.get("input_shape") or ())
        if not cls.startswith("BatchNorm") or record.get("training") is not True or not number(record, "called"):
            continue
        if len(shape) < 2 or not all(isinstance(n, int) and n > 0 for n in shape) or shape[0] >= limit:
            continue
        hit.append((math.prod(shape) // shape[1], shape[0], record))
    if not hit:
        return
    count, batch, record = min(hit, key=lambda h: h[0])
    severity: Severity | None = None if count < values or (batch < 2 and count < values * tiny) else "note"
    more = f" (and {len(hit) - 1} more)" if len(hit) > 1 else ""
    samples = f"{batch} sample{'s' if batch > 1 else ''}"
    message = (
        f"batch norm {record.get('name')}{more} estimates mean and variance from {samples} ({count} values per channel)"
    )
    name = str(record.get("name"))
    fed = next((x for x in loaders or () if x.get("phase") != "eval" and x.get("batch_size") == batch), None)
    place = location_of(fed, "created") or location_of(record, "created", "")
    evidence = {"layers": [str(r.get("name")) for *_, r in hit][:50]}
    yield Finding(message, name, 0, batch, limit, place, evidence, severity=severity, confidence=0.8)
