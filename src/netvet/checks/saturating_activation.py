"""Sigmoid or tanh between the layers of a net that therefore does not learn."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of

_SQUASHING = ("Sigmoid", "Tanh", "Hardsigmoid", "Hardtanh", "Softsign")


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={"relu": "Use ReLU or GELU between the layers, and sigmoid or tanh at gates and outputs only."},
    experiments=("activation-trial",),
)
def saturating_activation(experiments: Facts, modules: Facts | None = None) -> Iterator[Finding]:
    """The net does not learn with sigmoid or tanh between its layers, and its twin with ReLU in their place does.

    ## Why it matters
    A sigmoid passes on a quarter of the gradient at most: after a few of them nothing is left for the first layers.

    ## Example
    >>> from netvet.core import Facts
    >>> message = "5 squashing activations: validation accuracy 0.1, with ReLU in their place 0.9"
    >>> told = {"experiment": "activation-trial", "verdict": "failed", "message": message}
    >>> saturating_activation(Facts.of(told))[0].message
    '5 squashing activations: validation accuracy 0.1, with ReLU in their place 0.9'

    ## Known problems
    Only named where `netvet recipe` has trained both ([activation-trial](../experiments/activation-trial.md)). Nets
    with tanh that learn are silent, however much better ReLU would be.

    ## References
    Glorot and Bengio, Understanding the difficulty of training deep feedforward neural networks (2010), section 3.
    """
    for record in experiments.where(experiment="activation-trial", verdict="failed"):
        share = max((s for s in (record.get("evidence") or {}).get("shares") or () if s is not None), default=None)
        place = location_of(next((m for m in modules or () if m.get("cls") in _SQUASHING), None), "created")
        yield Finding(str(record["message"]), value=share, location=place, confidence=0.9)
