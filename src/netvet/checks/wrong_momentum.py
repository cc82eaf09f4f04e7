"""A momentum with which the net swings past every valley."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import used_rate


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={"usual-momentum": "Set momentum to 0.9 (betas of Adam: 0.9 and 0.999)."},
    experiments=("momentum-trial",),
)
def wrong_momentum(experiments: Facts, optimizers: Facts | None = None) -> Iterator[Finding]:
    """With its unusual momentum (or betas) the net does not learn, and with the usual 0.9 it does.

    ## Why it matters
    Momentum m makes the learning rate 1 / (1 - m) times as large, and lets each step go on for as many others.

    ## Example
    >>> from netvet.core import Facts
    >>> message = "momentum of 0.999: validation accuracy 0.1, with the usual 0.9 0.9"
    >>> told = {"experiment": "momentum-trial", "verdict": "failed", "message": message}
    >>> wrong_momentum(Facts.of(told))[0].message
    'momentum of 0.999: validation accuracy 0.1, with the usual 0.9 0.9'

    ## Known problems
    Only named where `netvet recipe` has trained both ([momentum-trial](../experiments/momentum-trial.md)). A large
    momentum with a rate that is small enough is silent.

    ## References
    Goh, Why Momentum Really Works (Distill, 2017).
    """
    for record in experiments.where(experiment="momentum-trial", verdict="failed"):
        share = max((s for s in (record.get("evidence") or {}).get("shares") or () if s is not None), default=None)
        place = used_rate(None, optimizers)[1]
        yield Finding(str(record["message"]), value=share, location=place, confidence=0.9)
