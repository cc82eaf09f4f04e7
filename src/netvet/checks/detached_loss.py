"""A loss that backward cannot follow to the model."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, Record, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "keep-graph": "Call backward on what the loss function returned, with no item() or detach() on the way.",
        "enable-grad": "Move the forward pass of training out of no_grad and inference_mode.",
    },
)
def detached_loss(
    backwards: Facts, optimizers: Facts | None = None, run: Facts | None = None, losses: Facts | None = None
) -> Iterator[Finding]:
    """The loss given to backward is cut off from the model.

    ## Why it matters
    Gradients flow through the operations that made the loss. item(), detach(), numpy(), a no_grad block, or a new
    tensor made from the value cut this chain: the model gets no gradient. Making the new tensor require a gradient only
    silences the error.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"calls": 120, "leaf": True, "requires_grad": True, "has_graph": False})
    >>> detached_loss(sick)[0].message
    'backward is called on a tensor without history, made from a value: no parameter gets a gradient (120 calls)'

    ## Known problems
    Optimising an input, a latent code or other free tensors through a frozen net reaches no parameter either; it is
    silent where an optimizer holds such free tensors, or where nothing of a known model is optimised.

    ## References
    Measured on the digits with torch.tensor(loss, requires_grad=True): 2.314 to 2.312, accuracy 0.08.
    """
    found = False
    for record in backwards:
        message = _fault(record, optimizers)
        if message:
            found = True
            where = f"{record.get('file')}:{record.get('line')}" if record.get("line") else None
            value = record.get("first_value")
            same = [x for x in losses or () if value is not None and x.get("first_value") == value]
            place = location_of(record, "made") or (location_of(same[0]) if len(same) == 1 else location_of(record))
            yield Finding(message, where, record.get("first_step"), location=place, confidence=1.0)
    if not found:
        yield from _crash((run or Facts())[0] if run else {})


def _fault(record: Record, optimizers: Facts | None) -> str | None:
    calls = f"({number(record, 'calls') or 1:g} calls)"
    raised = str(record.get("raised") or "")
    if "does not require grad" in raised or record.get("requires_grad") is False:
        return (
            "backward is called on a loss without history: it was made under no_grad, or by detach(), item() or numpy()"
        )
    if record.get("leaf") is True and record.get("has_graph") is False:
        return (
            f"backward is called on a tensor without history, made from a value: no parameter gets a gradient {calls}"
        )
    held = [o for o in optimizers or () if o.get("name") in (record.get("optimizers") or ())]
    ours = held and all(o.get("parameters") and not o.get("unknown_parameters") and o.get("models") for o in held)
    unseen = all(o.get("backward_seen") is False for o in held)
    if record.get("has_graph") and record.get("reaches") == 0 and ours and unseen:
        names = ", ".join(str(o.get("name")) for o in held)
        return f"the graph of the loss reaches no parameter of the model that {names} optimises {calls}"
    return None


def _crash(record: Record) -> Iterator[Finding]:
    """The loss had become a plain number: the script stopped at backward."""
    error = str(record.get("exception") or "")
    if "has no attribute 'backward'" in error and any(kind in error for kind in ("'float'", "'int'", "numpy")):
        file, line = record.get("exception_file"), record.get("exception_line")
        place = Location(str(file), int(line)) if file and line else None
        yield Finding(
            f"backward is called on a plain number, which has no gradient history: {error}",
            location=place,
            confidence=1.0,
        )
