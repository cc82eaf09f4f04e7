"""A run that draws random numbers from no fixed seed."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="note",
    since="0.1",
    fixes={"set-seed": "Call torch.manual_seed(0) before the model is made; seed numpy and random where used."},
)
def unseeded_run(seeds: Facts) -> Iterator[Finding]:
    """No seed was set before training, so no run can be repeated.

    ## Why it matters
    Initial weights, the order of the data and dropout differ from run to run. While you look for a fault, a change of
    the result may then come from your change or from luck.

    ## Example
    >>> from netvet.core import Facts
    >>> unseeded_run(Facts())[0].message
    'torch was never seeded before training: initial weights and data order differ from run to run'

    ## Known problems
    Running several unseeded runs on purpose, to see their spread, is good practice. This is only a note.

    ## References
    PyTorch, "Reproducibility"; Karpathy, A Recipe for Training Neural Networks (2019): "fix random seed".
    """
    if not any(s.get("generator") == "torch" and (number(s, "step") or 0) == 0 for s in seeds):
        message = "torch was never seeded before training: initial weights and data order differ from run to run"
        yield Finding(message, "torch", 0, confidence=1.0)
