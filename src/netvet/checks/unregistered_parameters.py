"""Weights that a model uses but does not know as its own."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="elements that nothing trains [share]",
    fixes={
        "module-list": "Keep layers in nn.ModuleList or nn.ModuleDict, tensors as nn.Parameter, not in a list.",
    },
)
def unregistered_parameters(
    unregistered: Facts,
    optimizers: Facts,
    parameters: Facts | None = None,
) -> Iterator[Finding]:
    """Tensors that the loss depends on need a gradient but are registered in no module.

    ## Why it matters
    Layers in a plain list are invisible: model.parameters() leaves them out, so the optimizer never moves them, .to()
    does not move them and no checkpoint holds them. The rest learns around them.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"owner": "w[0]", "elements": 4096, "in_optimizer": False})
    >>> unregistered_parameters(sick, Facts.of({"steps": 100}))[0].message
    '1 tensor (w[0], 4096 elements) takes part in the loss but is registered in no module: it never learns'

    ## Known problems
    Inputs that need a gradient (adversarial examples, gradient penalties, physics losses) belong to no model, tensors
    that were handed to the optimizer by hand do learn, and training without an optimizer is not judged: all silent.

    ## References
    Measured on the digits: four layers in a Python list cost 0.92 to 0.32.
    """
    if not any(number(o, "steps") for o in optimizers):
        return
    lost = [r for r in unregistered if r.get("owner") and r.get("in_optimizer") is False]
    if not lost:
        return
    names = [str(r["owner"]) for r in lost]
    elements = sum(int(number(r, "elements") or 0) for r in lost)
    known = sum(number(p, "elements") or 0 for p in parameters or ())
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    many = len(names) > 1
    message = (
        f"{len(names)} tensor{'s' if many else ''} ({shown}, {elements} elements) {'take' if many else 'takes'} "
        f"part in the loss but {'are' if many else 'is'} registered in no module: {'they' if many else 'it'} never "
        f"{'learn' if many else 'learns'}"
    )
    part = elements / (elements + known) if elements + known else None
    evidence = {"tensors": names[:50], "registered_elements": known}
    yield Finding(message, names[0], 0, part, 0.0, location_of(lost[0], "kept", ""), evidence, confidence=1.0)
