"""A recurrent layer whose state never reaches the next step."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number

_CELLS = ("RNNCell", "LSTMCell", "GRUCell")
_LAYERS = ("RNN", "LSTM", "GRU", *_CELLS)


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "last-state": "Read the output after the last step: `out[:, -1]` where samples come first, else `out[-1]`.",
        "pass-state": "Hand the layer the state that it gave back for the step before.",
    },
)
def unused_recurrence(
    parameters: Facts,
    modules: Facts,
    *,
    patience: int = 5,  # sampled steps in which the gradient was exactly zero
) -> Iterator[Finding]:
    """The weights from state to state of a recurrent layer get a gradient of exactly zero, those from its input do not.

    ## Why it matters
    Their gradient is zero only where the state before each step is: the output after the first step is all that is
    read, or the state is not handed from call to call. What stands later in a sequence is never seen.

    ## Example
    >>> from netvet.core import Facts
    >>> of = {"model": "Net", "layer": "gru", "requires_grad": True, "deep_steps": 40}
    >>> state = of | {"name": "gru.weight_hh_l0", "zero_grad_steps": 40}
    >>> inputs = of | {"name": "gru.weight_ih_l0", "zero_grad_steps": 0}
    >>> gru = {"model": "Net", "name": "gru", "cls": "GRU", "input_shape": [12, 32, 8]}
    >>> unused_recurrence(Facts.of(state, inputs), Facts.of(gru))[0].message
    'gru sees 12 steps, but only its output after the first is read: gru.weight_hh_l0 gets a gradient of exactly zero'

    ## Known problems
    Of the backward direction it is a note: the output at the last step, which many programs read, is its first. A
    sequence of a single step has no use for a state: a note too.

    ## References
    The documentation of `torch.nn.LSTM`: output and state of each step are functions of the state before it.
    """
    for layer in modules:
        if layer.get("cls") not in _LAYERS:
            continue
        of = (layer.get("model"), layer.get("name"))
        held = [p for p in parameters if (p.get("model"), p.get("layer")) == of and p.get("requires_grad") is not False]
        still = {str(p.get("name")) for p in held if _is_still(p, patience)}
        moving = {str(p.get("name")) for p in held} - still
        unused = sorted(n for n in still if "weight_hh" in n and n.replace("weight_hh", "weight_ih") in moving)
        if unused:
            yield _finding(layer, unused)


def _is_still(parameter: Record, patience: int) -> bool:
    zero, seen = number(parameter, "zero_grad_steps"), number(parameter, "deep_steps")
    return zero is not None and bool(seen) and zero >= max(seen or 0, patience)


def _finding(known: Record, unused: list[str]) -> Finding:
    layer, steps, calls = str(known.get("name")), _steps(known), number(known, "called") or 1
    severity: Severity | None = None
    if known.get("cls") in _CELLS or (steps == 1 and calls > 1):
        what = f"{layer} is called {calls:g} times, each time from an empty state"
    elif steps == 1:
        what, severity = f"{layer} sees sequences of one step, and has no use for its state", "note"
    elif all(name.endswith("_reverse") for name in unused):
        what, severity = f"of the backward direction of {layer} only the first output is read", "note"
    else:
        what = f"{layer} sees {f'{steps} steps' if steps else 'sequences'}, but only its output after the first is read"
    named = f"{unused[0]}{f' and {len(unused) - 1} more' if len(unused) > 1 else ''}"
    message = f"{what}: {named} gets a gradient of exactly zero"
    return Finding(
        message,
        layer,
        location=location_of(known, "called", "created"),
        evidence={"parameters": unused},
        severity=severity,
    )


def _steps(layer: Record) -> int | None:
    """Of a sequence; None where it is not known."""
    shape = list(layer.get("input_shape") or ())
    if len(shape) not in (2, 3):
        return None
    first = dict(layer.get("settings") or {}).get("batch_first")
    return int(shape[1]) if len(shape) == 3 and first else int(shape[0])
