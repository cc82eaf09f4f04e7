"""An optimizer with which the net does not learn at any learning rate."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import used_rate


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={"adam": "Use Adam at 1e-3, or SGD with momentum 0.9."},
    experiments=("optimizer-trial",),
)
def unsuitable_optimizer(experiments: Facts, optimizers: Facts | None = None) -> Iterator[Finding]:
    """At the best learning rate of its own optimizer the net does not learn, and with Adam it does.

    ## Why it matters
    No tuning helps an optimizer that is made for another kind of problem.

    ## Example
    >>> from netvet.core import Facts
    >>> message = "Rprop as optimizer: validation accuracy 0.5, with Adam at 0.001 0.9"
    >>> told = {"experiment": "optimizer-trial", "verdict": "failed", "message": message}
    >>> unsuitable_optimizer(Facts.of(told))[0].message
    'Rprop as optimizer: validation accuracy 0.5, with Adam at 0.001 0.9'

    ## Known problems
    Only named where `netvet recipe` has trained both ([optimizer-trial](../experiments/optimizer-trial.md)). A training
    that would learn with another rate is none of it, nor is one that Adam would only make faster.

    ## References
    Schmidt, Schneider and Hennig, Descending through a Crowded Valley (2021): tuned optimizers differ by little.
    """
    for record in experiments.where(experiment="optimizer-trial", verdict="failed"):
        share = max((s for s in (record.get("evidence") or {}).get("shares") or () if s is not None), default=None)
        place = used_rate(None, optimizers)[1]
        yield Finding(str(record["message"]), value=share, location=place, confidence=0.9)
