"""Gradients are computed, but the optimizer never steps."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="steps [count]",
    fixes={"add-step": "Call optimizer.step() after backward."},
)
def missing_step(
    optimizers: Facts,
    backwards: Facts,
    parameters: Facts | None = None,
    scalers: Facts | None = None,
    *,
    patience: int = 20,  # backward calls; longer accumulations before the first step are rare
    others: int = 100,  # steps of other optimizers, before one that rests counts as forgotten
) -> Iterator[Finding]:
    """Backward runs, but the weights are never updated.

    ## Why it matters
    backward only computes gradients; step changes the weights. Without it the net stays at its initial weights, and
    the loss wanders around its first value.

    ## Example
    >>> from netvet.core import Facts
    >>> optimizers = Facts.of({"name": "Adam", "steps": 0, "backward_seen": True, "file": "train.py", "line": 20})
    >>> missing_step(optimizers, Facts.of({"calls": 400}))[0].message
    'Adam never stepped in 400 backward calls, so its parameters never changed'

    ## Known problems
    Silent where the weights change all the same (an update by hand, a second optimizer on the same parameters), where a
    GradScaler skipped the steps, in runs shorter than an accumulation may be, and in scripts without any optimizer.

    ## References
    torch.optim, "Taking an optimization step".
    """
    calls = sum(number(b, "calls") or 0 for b in backwards)
    stepped = sum(number(o, "steps") or 0 for o in optimizers)
    skipped = any(number(s, "skipped") for s in scalers or ())
    changed = {str(p.get("name")) for p in parameters or () if p.get("changed")}
    for optimizer in optimizers:
        held = [str(n) for n in optimizer.get("parameters") or ()]
        idle = optimizer.get("steps") == 0 and optimizer.get("backward_seen") is True
        if not idle or calls < patience or skipped or changed.intersection(held):
            continue
        if stepped and stepped < others:
            continue
        name = optimizer.get("name")
        message = f"{name} never stepped in {calls:g} backward calls, so its parameters never changed"
        severity: Severity = "warning" if stepped else "error"
        alone = [b for b in backwards if not b.get("optimizers")]
        called = next((p for b in alone if (p := location_of(b, "uncalled", ""))), None)
        # Where others step beside the same backward, its own step is missing there.
        beside = next((p for o in optimizers if o.get("steps") and (p := location_of(o, "step"))), None)
        sure, place = 0.6 if stepped else 1.0, called or beside or location_of(optimizer)
        yield Finding(message, name, 0, 0.0, 1.0, place, severity=severity, confidence=sure)
