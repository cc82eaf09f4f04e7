"""So much weight decay that the net does not fit even its training samples."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import used_rate


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    explained_by=("regularisation-dominates",),
    fixes={"less-weight-decay": "Lower the weight decay to a hundredth: usual are 1e-5 to 1e-3 (decoupled up to 0.1)."},
    experiments=("weight-decay-trial",),
)
def oversized_regularisation(experiments: Facts, optimizers: Facts | None = None) -> Iterator[Finding]:
    """Without weight decay the error falls below a half, on training samples as on others.

    ## Why it matters
    Weights are pulled to zero faster than the data can build them up: the net predicts the same for every sample.

    ## Example
    >>> from netvet.core import Facts
    >>> message = "weight decay of 1 ruins the training: validation accuracy 0.1 with it and 0.9 without"
    >>> told = {"experiment": "weight-decay-trial", "verdict": "failed", "message": message}
    >>> oversized_regularisation(Facts.of(told))[0].message
    'weight decay of 1 ruins the training: validation accuracy 0.1 with it and 0.9 without'

    ## Known problems
    Only named where `netvet recipe` has trained both ([weight-decay-trial](../experiments/weight-decay-trial.md)).
    A decay that costs a little is advice. Penalties in the loss are seen by regularisation-dominates.

    ## References
    Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019).
    """
    for record in experiments.where(experiment="weight-decay-trial", verdict="failed"):
        place = used_rate(None, optimizers)[1]
        yield Finding(str(record["message"]), location=place, confidence=0.9)
