"""Layers that run but that no gradient reaches."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    measures="parameters without a gradient [share]",
    explained_by=("detached-loss", "training-in-eval-mode"),
    fixes={
        "keep-graph": "Remove detach(), no_grad, .data, .item() or numpy between these layers and the loss.",
        "freeze": "If they are meant to stay as they are, say so: requires_grad_(False), and leave them out.",
    },
)
def detached_parameters(
    parameters: Facts,
    modules: Facts | None = None,
    optimizers: Facts | None = None,
    cuts: Facts | None = None,
    *,
    share: float = 0.5,  # of the trainable elements: layers beside the main path count only when they are most of it
) -> Iterator[Finding]:
    """Trainable layers take part in the forward pass, but the loss does not depend on them.

    ## Why it matters
    Something between them and the loss cuts the graph. They stay at their random values while the layers behind learn
    from what random features happen to give.

    ## Example
    >>> from netvet.core import Facts
    >>> body = {"name": "body.weight", "layer": "body", "model": "Net", "elements": 640, "reached": False}
    >>> head = {"name": "head.weight", "layer": "head", "model": "Net", "elements": 320, "reached": True}
    >>> both = {"requires_grad": True, "module_called": True, "in_optimizer": True}
    >>> order = Facts.of({"name": "body", "model": "Net", "order": 1}, {"name": "head", "model": "Net", "order": 2})
    >>> detached_parameters(Facts.of({**body, **both}, {**head, **both}), order)[0].message
    'no gradient reaches 1 trainable parameter (body.weight), 67% of Net: the graph is cut before head'

    ## Known problems
    Outputs that are not used (a pooler, an auxiliary head), target networks, feature extractors that no optimizer
    holds, experts that were not chosen, and a network whose optimizer has not stepped yet.

    ## References
    Measured on the digits: no_grad around the encoder costs 0.93 to 0.55.
    """
    if not any(p.get("reached") for p in parameters):
        return
    stepped = {o.get("name") for o in optimizers or () if number(o, "steps")}
    orders = {(m.get("model"), m.get("name")): number(m, "order") for m in modules or ()}
    models: dict[str, list[Record]] = {}
    for p in parameters:
        models.setdefault(str(p.get("model")), []).append(p)
    for model, own in models.items():
        cut = [p for p in own if _is_cut(p)]
        alive = [p for p in own if p.get("reached")]
        if not cut or (not alive and not any(p.get("optimizer") in stepped for p in cut)):
            continue
        total = sum(number(p, "elements") or 0 for p in own if p.get("requires_grad"))
        part = sum(number(p, "elements") or 0 for p in cut) / max(total, 1.0)
        behind = _first_behind(cut, alive, orders) if alive else None
        unused = alive and behind is None and part < share
        names = [str(p.get("name")) for p in cut]
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        end = f"the graph is cut before {behind}" if behind else "the loss does not depend on their output"
        message = (
            f"no gradient reaches {len(names)} trainable parameter{'s' if len(names) > 1 else ''} ({shown}), "
            f"{part:.0%} of {model}: {end}"
        )
        homes = [m for m in modules or () if m.get("model") == model]
        severed = [c for c in cuts or () if c.get("inside") or (not alive and model in (c.get("models") or ()))]
        place = next((p for p in (location_of(r, "", "created") for r in (*severed, *cut, *homes)) if p), None)
        loaded = all(p.get("loaded") for p in cut)
        severity: Severity | None = "note" if unused or loaded else None
        sure = 0.5 if severity else 1.0 if behind else 0.8
        yield Finding(
            message, model, 0, part, 0.0, place, {"parameters": names[:50]}, severity=severity, confidence=sure
        )


def _is_cut(p: Record) -> bool:
    """It ran, it is meant to learn, and no gradient was ever seen on it."""
    wanted = p.get("requires_grad") is True and p.get("module_called") is True and p.get("in_optimizer") is True
    return wanted and p.get("reached") is False and not p.get("tied_names") and not p.get("changed")


def _first_behind(
    cut: list[Record], alive: list[Record], orders: dict[tuple[object, object], float | None]
) -> str | None:
    """The first layer that learns, if every layer that does not was called before it; else None."""

    def called(p: Record) -> float | None:
        return orders.get((p.get("model"), p.get("layer")))

    before = [o for p in cut if (o := called(p)) is not None]
    after = sorted((o, str(p.get("layer"))) for p in alive if (o := called(p)) is not None)
    return after[0][1] if before and after and max(before) < after[0][0] else None
