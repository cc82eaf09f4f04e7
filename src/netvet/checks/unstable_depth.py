"""So many plain layers in a row that the net does not learn."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "residual": "Add each block's input to its output, normalise between the layers, or make the net shallower."
    },
    experiments=("depth-trial",),
)
def unstable_depth(experiments: Facts) -> Iterator[Finding]:
    """A deep net without shortcuts and normalisation does not learn, and its twin with shortcuts does.

    ## Why it matters
    Each layer makes signals and gradients a little smaller or larger; over many layers that is all or nothing.

    ## Example
    >>> from netvet.core import Facts
    >>> message = "40 plain layers in a row: validation accuracy 0.1, with shortcuts around them 0.9"
    >>> told = {"experiment": "depth-trial", "verdict": "failed", "message": message}
    >>> unstable_depth(Facts.of(told))[0].message
    '40 plain layers in a row: validation accuracy 0.1, with shortcuts around them 0.9'

    ## Known problems
    Only named where `netvet recipe` has trained both ([depth-trial](../experiments/depth-trial.md)), and other initial
    weights do not help.

    ## References
    He et al., Deep Residual Learning for Image Recognition (2016), section 4.1.
    """
    for record in experiments.where(experiment="depth-trial", verdict="failed"):
        share = max((s for s in (record.get("evidence") or {}).get("shares") or () if s is not None), default=None)
        yield Finding(str(record["message"]), value=share, confidence=0.9)
