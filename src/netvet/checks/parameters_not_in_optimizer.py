"""Trainable parameters that get gradients but that no optimizer holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="parameters in no optimizer [share]",
    explained_by=("stale-optimizer", "missing-step", "unregistered-parameters"),
    fixes={
        "add-parameters": "Hand the optimizer the parameters of every model that is to learn, all of them.",
        "freeze": "If they are meant to stay as they are, say so: requires_grad_(False).",
    },
)
def parameters_not_in_optimizer(
    parameters: Facts,
    optimizers: Facts,
    *,
    share: float = 0.01,  # of the trainable elements; less is a warning only
) -> Iterator[Finding]:
    """Parameters that receive gradients are in no optimizer, so they never change.

    ## Why it matters
    The rest of the net learns around layers that stay at their random initial values. The loss still falls, so nothing
    looks broken; the accuracy is simply lower than it could be.

    ## Example
    >>> from netvet.core import Facts
    >>> both = {"model": "Net", "requires_grad": True, "reached": True}
    >>> body = {"name": "body.weight", "elements": 640, "in_optimizer": False, **both}
    >>> head = {"name": "head.weight", "elements": 320, "in_optimizer": True, **both}
    >>> parameters_not_in_optimizer(Facts.of(body, head), Facts.of({"name": "Adam", "steps": 100}))[0].message
    '1 trainable parameter (body.weight) gets gradients but is in no optimizer: 67% of the elements of Net never change'

    ## Known problems
    Layers loaded from a checkpoint may be left out on purpose (a note); target, teacher and averaged copies of a model
    that is optimised, tied tensors, and parameters that change all the same (updated by hand) are silent.

    ## References
    Measured on the digits: a forgotten body costs 0.93 to 0.68, a forgotten head 0.93 to 0.90.
    """
    if not any(number(o, "steps") for o in optimizers):
        return
    models: dict[str, list[Record]] = {}
    for p in parameters:
        models.setdefault(str(p.get("model")), []).append(p)
    optimised = [_shapes(ps) for ps in models.values() if any(p.get("in_optimizer") for p in ps)]
    held = {p.get("name") for p in parameters if p.get("in_optimizer")}
    for model, all_of_it in models.items():
        left = [p for p in all_of_it if _left_out(p) and not held.intersection(p.get("tied_names") or ())]
        whole = not any(p.get("in_optimizer") for p in all_of_it)
        # A copy of an optimised model is a target, a teacher or an average of it; without any, an input is optimised.
        if not left or (whole and (not optimised or _shapes(all_of_it) in optimised)):
            continue
        part = _elements(left) / max(_elements([p for p in all_of_it if p.get("requires_grad")]), 1)
        own = [o for o in optimizers if model in (o.get("models") or ())]
        yield _finding(model, left, part, location_of((own or optimizers)[0]), whole=whole, small=part < share)


def _finding(
    model: str, left: list[Record], part: float, place: Location | None, *, whole: bool, small: bool
) -> Finding:
    names = [str(p.get("name")) for p in left]
    shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    many, get, are = ("parameters", "get", "are") if len(names) > 1 else ("parameter", "gets", "is")
    what = f"{len(names)} trainable {many} ({shown}) {get} gradients but {are} in no optimizer"
    message = f"{what}: {part:.0%} of the elements of {model} never change"
    loaded = all(p.get("loaded") for p in left)
    severity: Severity = "note" if loaded else "warning" if small or whole else "error"
    sure = 0.5 if loaded else 0.7 if whole else 1.0
    evidence = {"parameters": names[:50]}
    return Finding(message, model, 0, part, 0.0, place, evidence, severity=severity, confidence=sure)


def _left_out(p: Record) -> bool:
    trainable = p.get("requires_grad") is True and p.get("reached") is True
    return trainable and p.get("in_optimizer") is False and not p.get("changed")


def _elements(ps: list[Record]) -> float:
    return sum(number(p, "elements") or 0 for p in ps)


def _shapes(ps: list[Record]) -> Counter[str]:
    return Counter(str(list(p.get("shape") or ())) + str(number(p, "elements")) for p in ps)
