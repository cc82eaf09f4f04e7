"""Layers that are defined but never called."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="parameters never called [count]",
    explained_by=("detached-loss",),
    fixes={
        "call": "Call the layer in forward (often another one is used twice in its place), or delete it.",
    },
)
def unused_parameters(parameters: Facts, modules: Facts | None = None) -> Iterator[Finding]:
    """Trainable layers of a model were never called in training.

    ## Why it matters
    The model that trains is not the model that was written: a layer was forgotten in forward, or another one was used
    twice in its place. Its weights only fill the optimizer.

    ## Example
    >>> from netvet.core import Facts
    >>> both = {"model": "Net", "requires_grad": True, "in_optimizer": True}
    >>> fc2 = {"name": "fc2.weight", "layer": "fc2", "shape": [64, 64], "module_called": False, "reached": False}
    >>> fc3 = {"name": "fc3.weight", "layer": "fc3", "shape": [10, 64], "module_called": True, "reached": True}
    >>> unused_parameters(Facts.of({**fc2, **both}, {**fc3, **both}))[0].message
    '1 layer of Net (fc2) was never called in training, although its output fits what follows'

    ## Known problems
    Heads that this task does not use, experts of a mixture, loaded layers and layers whose output fits no later layer
    are a note; weights that are used by function (a gradient was seen) and tied ones are silent.

    ## References
    Karpathy, "A Recipe for Training Neural Networks": weights that do not take part are among the silent failures.
    """
    models: dict[str, list[Record]] = {}
    for p in parameters:
        models.setdefault(str(p.get("model")), []).append(p)
    for model, own in models.items():
        used = [p for p in own if p.get("reached")]
        unused = [p for p in own if _is_unused(p)]
        if not used or not unused:
            continue
        forgotten = [p for p in unused if _fits(p, own) and not p.get("loaded") and not _one_of_many(p, used)]
        shown = forgotten or unused
        layers = list(dict.fromkeys(str(p.get("layer")) for p in shown))
        names = ", ".join(layers[:3]) + (", ..." if len(layers) > 3 else "")
        count = f"{len(layers)} layer{'s' if len(layers) > 1 else ''} of {model} ({names})"
        fit = ", although its output fits what follows" if forgotten else ""
        message = f"{count} {'were' if len(layers) > 1 else 'was'} never called in training{fit}"
        homes = [m for m in modules or () if m.get("model") == model]
        place = next(
            (
                p
                for p in (location_of(r, "created", "") for r in (_whole(shown[0], homes), shown[0], *homes))
                if p is not None
            ),
            None,
        )
        elements = sum(number(p, "elements") or 0 for p in shown)
        severity: Severity | None = None if forgotten else "note"
        evidence = {"layers": layers[:50]}
        yield Finding(message, layers[0], 0, elements, 0.0, place, evidence, severity=severity, confidence=0.7)


def _whole(p: Record, modules: list[Record]) -> Record | None:
    """The outermost module around a layer that was never called as a whole."""
    layer = str(p.get("layer"))
    around = [m for m in modules if layer.startswith(f"{m.get('name')}.") and m.get("called") is None]
    outer = min(around, key=lambda m: len(str(m.get("name"))), default=None)
    # A list is never called itself: its members are.
    return None if outer is None or outer.get("cls") in ("ModuleList", "ModuleDict") else outer


def _is_unused(p: Record) -> bool:
    trainable = p.get("requires_grad") is True and p.get("in_optimizer") is True and not p.get("tied_names")
    return trainable and p.get("module_called") is False and p.get("reached") is False


def _fits(p: Record, own: list[Record]) -> bool:
    """A weight whose outputs are as many as the inputs of a layer that is defined later and used."""
    shape = list(p.get("shape") or ())
    if len(shape) < 2:
        return False
    later = own[own.index(p) + 1 :]
    return any(q.get("reached") and len(q.get("shape") or ()) >= 2 and q["shape"][1] == shape[0] for q in later)


def _one_of_many(p: Record, used: list[Record]) -> bool:
    """A member of a list (expert, head) of which another member with the same shape is used."""
    parts = str(p.get("name")).split(".")
    for q in used:
        others = str(q.get("name")).split(".")
        differing = [(a, b) for a, b in zip(parts, others, strict=False) if a != b]
        same = len(parts) == len(others) and q.get("shape") == p.get("shape")
        if same and len(differing) == 1 and differing[0][0].isdigit() and differing[0][1].isdigit():
            return True
    return False
