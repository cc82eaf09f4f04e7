"""A batch gives other results than its samples one by one."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=(
        "batch-mixing",
        "ignored-mask",
        "evaluation-in-train-mode",
        "evaluation-changes-state",
        "wrong-softmax-dim",
    ),
    fixes={"generalise": "Write the function for one sample, check it, then generalise it to a batch."},
)
def batched_differs(
    batched_differs: Facts,
    *,
    tolerance: float = 1e-3,  # relative; where the probe gives none: float32 sums in another order stay below it
    factor: float = 10.0,  # times the tolerance: other kernels for other batch sizes round differently
) -> Iterator[Finding]:
    """In eval mode the output for a sample differs between a batch and the sample alone.

    ## Why it matters
    The code for batches does something else than the code for one: an axis is squeezed away, samples are mixed, or
    statistics of the batch are used. What is deployed is then not what was trained.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"model": "Net", "max_difference": 0.4, "tolerance": 1e-4, "layer": "attention", "sample": 3})
    >>> batched_differs(sick)[0].message
    'sample 3 alone and within its batch give different outputs of Net in eval mode: 40% apart, first at attention'

    ## Known problems
    Rounding, models that need more than one sample (an error is no difference), and models whose rows are not samples.

    ## References
    Karpathy, "A Recipe for Training Neural Networks": generalize a special case.
    """
    for record in batched_differs:
        difference, limit = number(record, "max_difference"), number(record, "tolerance") or tolerance
        if difference is None or difference <= factor * limit or record.get("raised"):
            continue
        layer, model = record.get("layer"), record.get("model")
        where = f", first at {layer}" if layer else ""
        message = (
            f"sample {record.get('sample')} alone and within its batch give different outputs of {model} in eval mode: "
            f"{difference:.0%} apart{where}"
        )
        evidence = {"layer": layer}
        yield Finding(message, model, 0, difference, factor * limit, location_of(record), evidence, confidence=0.8)
