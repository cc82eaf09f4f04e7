"""A net through which nothing of its inputs gets."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=(
        "saturating-activation",
        "unstable-depth",
        "badly-scaled-init",
        "symmetric-init",
        "dead-relu",
        "detached-parameters",
        "frozen-parameters",
        "parameters-not-in-optimizer",
        "unregistered-parameters",
        "batch-mixing",
        "wrong-softmax-dim",
        "insufficient-capacity",
    ),
    fixes={"plain-first": "Begin with a plain net, and add the parts of the architecture one at a time."},
    experiments=("simple-twin", "known-data"),
)
def unsuitable_architecture(experiments: Facts) -> Iterator[Finding]:
    """Neither the program's data nor known digits are learned by the net, and a plain one learns the data.

    ## Why it matters
    What a layer has taken away no later layer brings back, and no tuning either.

    ## Example
    >>> from netvet.core import Facts
    >>> own = {"experiment": "simple-twin", "verdict": "advice", "message": "a plain network learns and this does not"}
    >>> digits = {"experiment": "known-data", "verdict": "advice", "message": "right on 10% of digits"}
    >>> both = [{**one, "suspects": ("unsuitable-architecture",)} for one in (own, digits)]
    >>> unsuitable_architecture(Facts.of(*both))[0].message
    'a plain network learns and this does not; right on 10% of digits'

    ## Known problems
    Only named where `netvet recipe` has done both trials ([simple-twin](../experiments/simple-twin.md),
    [known-data](../experiments/known-data.md)). A fault in the net that has a name of its own comes first.

    ## References
    Goodfellow, Bengio and Courville, Deep Learning (2016), 11.5.
    """
    told = [
        next((str(r["message"]) for r in experiments.where(experiment=name, verdict="advice") if _accuses(r)), "")
        for name in ("simple-twin", "known-data")
    ]
    if all(told):
        yield Finding("; ".join(told), confidence=0.7)


def _accuses(record: Record) -> bool:
    return "unsuitable-architecture" in (record.get("suspects") or ())
