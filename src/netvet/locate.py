"""From what a finding is about to the user's line that made it, where the check itself named no line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePath

from netvet.core import Facts, Finding, Location, Record, location_of

Get = Callable[[str], object]

# Findings about data as a whole name no loader: the phase says which one is meant.
_PHASES = {
    "training data": "train",
    "training batches": "train",
    "training": "train",
    "evaluation": "eval",
    "validation": "eval",
}


def located(finding: Finding, get: Get) -> Finding:
    """The finding with a line: of the layer, parameter, optimizer, loader or call that it names.

    Args:
        get: gives a signal by its name, None where it was not recorded.
    """
    if finding.location is not None or not finding.where:
        return finding
    place = next((p for p in _places(finding.where, get) if p is not None), None)
    return finding if place is None else replace(finding, location=place)


def layer_place(name: str, parameters: Facts | None, modules: Facts | None) -> Location | None:
    """Where a layer's or parameter's first values were set by hand; else where it was made."""
    own = [p for p in parameters or () if name in (p.get("name"), p.get("layer"))]
    own.sort(key=lambda p: len(p.get("shape") or ()), reverse=True)  # weights before biases
    made = [m for m in modules or () if m.get("name") == name]
    places = [location_of(p, "init") for p in own] + [location_of(r, "created") for r in (*made, *own)]
    return next((p for p in places if p is not None), None)


def _places(where: str, get: Get) -> Iterator[Location | None]:
    yield layer_place(where, _facts(get, "parameters"), _facts(get, "modules"))
    yield layer_place(where.removesuffix(".bias"), _facts(get, "parameters"), _facts(get, "modules"))
    owner = re.sub(r"/\d+$", "", where)  # a parameter group
    for optimizer in _facts(get, "optimizers"):
        if optimizer.get("name") == owner:
            yield location_of(optimizer)
    loaders = _facts(get, "loaders")
    for loader in loaders:
        if loader.get("name") == where:
            yield location_of(loader, "created", "")
    if where in _PHASES:
        fed = [x for x in loaders if x.get("phase") in (_PHASES[where], "both")]
        yield location_of(fed[0], "created", "") if len(fed) == 1 else None
    if where == "training batches":  # drawn by hand
        drawn = {p for x in _facts(get, "inputs") if x.get("phase") == "train" and (p := location_of(x, "batch"))}
        yield drawn.pop() if len(drawn) == 1 else None
    site = where.partition(" ")[0]  # the loss of a second optimizer at the same line has its name behind it
    for signal in ("losses", "backwards"):
        for record in _facts(get, signal):
            if site in (record.get("site"), _site(record)):
                yield location_of(record)


def _site(record: Record) -> str:
    return f"{PurePath(str(record.get('file'))).name}:{record.get('line')}"


def _facts(get: Get, signal: str) -> Facts:
    found = get(signal)
    return found if isinstance(found, Facts) else Facts()
