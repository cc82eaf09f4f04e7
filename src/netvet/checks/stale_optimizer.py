"""An optimizer that still holds tensors which the model no longer uses."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number

_WITH_GRADIENT = ("train", "eval-mode-grad")


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="tensors that no model uses [count]",
    fixes={
        "create-later": "Create the optimizer after the last change to the model (new head, loaded or rebuilt model).",
        "add-param-group": "Add the new layers to it with optimizer.add_param_group.",
    },
)
def stale_optimizer(
    optimizers: Facts,
    parameters: Facts,
    calls: Facts | None = None,
    *,
    patience: int = 10,  # steps on the old model while another one gets the gradients
) -> Iterator[Finding]:
    """The optimizer was made before the model got new parameters, and updates the old ones.

    ## Why it matters
    Replacing a layer makes new tensors. An optimizer that was created earlier keeps the old ones: it steps on tensors
    that nobody uses, and the new layer stays at its random initial values.

    ## Example
    >>> from netvet.core import Facts
    >>> optimizers = Facts.of({"name": "SGD", "steps": 300, "models": ["Net"], "stale_parameters": 2})
    >>> new = {"model": "Net", "requires_grad": True, "reached": True, "in_optimizer": False}
    >>> stale_optimizer(optimizers, Facts.of({"name": "fc.weight", **new}, {"name": "fc.bias", **new}))[0].message
    'SGD holds 2 tensors that no model uses, while fc.weight, fc.bias of Net, made after it, are in no optimizer'

    ## Known problems
    Free tensors that are optimised beside a model (a learned input, a temperature) get gradients and are silent. So is
    an optimizer of a model that was never called, as long as no used parameter is without an optimizer, and a model
    through which inputs are optimised while the optimizer's own model is trained on.

    ## References
    Measured on the digits: a new head that is not in the optimizer costs 0.93 to 0.90, and no error is raised.
    """
    for optimizer in optimizers:
        yield from _left_behind(optimizer, parameters, calls or Facts(), patience)
        unknown = number(optimizer, "unknown_parameters") or 0.0
        stale = number(optimizer, "stale_parameters")
        if stale is None:
            stale = unknown if optimizer.get("backward_seen") is False else 0.0
        if not number(optimizer, "steps") or stale < 1:
            continue
        mine = optimizer.get("models") or ()
        homeless = [p for p in parameters if _homeless(p) and (not mine or p.get("model") in mine)]
        if homeless:
            yield _finding(optimizer, stale, homeless)


def _finding(optimizer: Record, stale: float, homeless: list[Record]) -> Finding:
    name, model = optimizer.get("name"), homeless[0].get("model")
    names = [str(p.get("name")) for p in homeless]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    tensors = f"{stale:g} tensor" + ("s" if stale > 1 else "")
    left = f"{shown} of {model}, made after it, {'are' if len(names) > 1 else 'is'} in no optimizer"
    message = f"{name} holds {tensors} that no model uses, while {left}"
    return Finding(message, name, 0, stale, 0.0, location_of(optimizer), {"parameters": names[:50]}, confidence=1.0)


def _homeless(p: Record) -> bool:
    trainable = p.get("requires_grad") is True and p.get("reached") is not False
    return trainable and p.get("in_optimizer") is False and not p.get("changed") and not p.get("tied_names")


def _left_behind(optimizer: Record, parameters: Facts, calls: Facts, patience: int) -> Iterator[Finding]:
    """The optimizer goes on stepping on a model that was trained once and then replaced, by a copy or anew."""
    name, last = optimizer.get("name"), number(optimizer, "last_step")
    old = {p.get("model") for p in parameters if p.get("optimizer") == name} | set(optimizer.get("models") or ())
    used = [number(c, "last_step") or 0.0 for c in calls if c.get("model") in old and c.get("phase") in _WITH_GRADIENT]
    for model in dict.fromkeys(p.get("model") for p in parameters):
        mine = [p for p in parameters if p.get("model") == model and p.get("reached")]
        if last is None or not used or model in old or not mine or not all(_homeless(p) for p in mine):
            continue
        new = [c for c in calls if c.get("model") == model and c.get("phase") in _WITH_GRADIENT]
        first = min((number(c, "first_step") or 0.0 for c in new), default=last)
        if first <= max(used) or last - first < patience or sum(number(c, "calls") or 0 for c in new) < patience:
            continue
        replaced = " and ".join(sorted(str(m) for m in old))
        message = (
            f"{name} holds the parameters of {replaced}, last trained at step {max(used):g}; {model}, which gets the "
            f"gradients from step {first:g} on, is in no optimizer and never changes"
        )
        names = [str(p.get("name")) for p in mine[:50]]
        place, span = location_of(optimizer), last - first
        yield Finding(message, str(name), int(first), span, patience, place, {"parameters": names}, confidence=0.95)
