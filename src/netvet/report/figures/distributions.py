"""How weights, gradients and outputs are distributed, look after look."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import numpy as np

from netvet.core import Record
from netvet.report.figures import Source
from netvet.report.figures.predictions import records_of
from netvet.report.figures.spec import Axis, Base, Choice, Heat, Scale, axis, heat
from netvet.report.figures.thin import Values

# Rows of a picture; and the ends of its values: of the looks, all but the most extreme tenth fit.
ROWS, FIT = 40, 0.9
KINDS = {
    "weights": (
        "Distribution of the weights", "parameter", "weight",
        ("Healthy: it widens or moves slowly; all in one bin is a parameter that does not learn, a sudden change an "
         "update that was far too large."),
    ),
    "gradients": (
        "Distribution of the gradients", "parameter", "gradient",
        ("Healthy: centred near zero, with a width that stays within a few decades; a line at zero is a gradient that "
         "vanished."),
    ),
    "outputs": (
        "Distribution of the layer outputs", "layer", "output",
        "Healthy: it keeps its width; a line at zero is a dead layer, two lines at the ends are saturated units.",
    ),
}  # fmt: skip
# Gradients have long tails: their densities are told apart over two decades.
FAINT = 0.01


def distributions(source: Source, kind: str) -> Iterator[Choice]:
    """The figure of one kind, with a choice of the tensor."""
    records = [record for record in records_of(source, "histograms") if record.get("kind") == kind and looked(record)]
    title, subject, quantity, healthy = KINDS[kind]
    made = [drawn(record, kind, quantity) for record in records]
    if made:
        yield {
            "kind": "choice", "id": f"distribution-{kind}", "title": title, "signals": ["histograms"],
            "about": "Each column is a look, each row a range of values, bright where most elements are. " + healthy,
            "subject": subject, "names": [name for name, _ in made], "figures": [one for _, one in made],
        }  # fmt: skip


def looked(record: Record) -> bool:
    """Whether there is any look at finite values."""
    return any(value is not None for value in record.get("low") or ())


def drawn(record: Record, kind: str, quantity: str) -> tuple[str, Heat]:
    """Name of a tensor, and its densities over the looks."""
    name, steps = str(record["name"]), [int(step) for step in record["steps"]]
    lows, highs = (np.array([np.nan if v is None else v for v in record[end]], float) for end in ("low", "high"))
    bins = np.frombuffer(b64decode(record["bins"]), dtype=np.uint8).reshape(len(steps), -1).astype(np.float64)
    low, high = ends(lows, highs)
    edges = np.linspace(low, high, ROWS + 1)
    columns = [density(bins[look], lows[look], highs[look], edges) for look in range(len(steps))]
    values: Values = np.stack(columns, axis=1)[::-1]
    rows = [f"{edge:.3g}" for edge in ((edges[1:] + edges[:-1]) / 2)[::-1]]
    base: Base = {
        "id": f"distribution-{kind}-{name}", "title": name, "about": words(record, steps), "signals": ["histograms"],
    }  # fmt: skip
    x: Axis = axis("optimizer steps, counted from 1", "1", log=True)
    label = f"density of the {quantity}s, over that of the fullest bin"
    scale: Scale = {"label": label, "unit": "share", "scale": "linear", "low": 0.0, "high": 1.0}
    if kind == "gradients":
        scale = {**scale, "scale": "log", "low": FAINT}
    return name, heat(base, rows, [step + 1 for step in steps], values, scale, family=f"distribution-{kind}", x=x)


def ends(lows: Values, highs: Values) -> tuple[float, float]:
    """Ends of the values that fit most looks."""
    low, high = float(np.nanquantile(lows, 1 - FIT)), float(np.nanquantile(highs, FIT))
    if high > low:
        return low, high
    apart = abs(low) / 2 or 1.0
    return low - apart, low + apart


def density(bins: Values, low: float, high: float, edges: Values) -> Values:
    """Bins from low to high on other edges: each spreads evenly over those that it meets; the highest is 1."""
    if np.isnan(low) or not bins.any():
        return np.full(len(edges) - 1, np.nan)
    inner = np.linspace(low, high, len(bins) + 1)
    below = np.concatenate([[0.0], np.cumsum(bins)])
    if high <= low:  # all elements are equal
        at = np.clip(np.searchsorted(edges, low, side="right") - 1, 0, len(edges) - 2)
        found: Values = np.zeros(len(edges) - 1)
        found[at] = 1.0
        return found
    found = np.diff(np.interp(edges, inner, below))
    top = found.max()
    return found / top if top > 0 else found


def words(record: Record, steps: list[int]) -> str:
    """What the picture does not show: zeros, and what is not finite."""
    zeros, broken = record.get("zeros") or [], record.get("non_finite") or []
    told = []
    if any(zeros):
        shares = f"{share(zeros[0])} at the first look, {share(zeros[-1])} at the last"
        told.append(f"Elements that are exactly zero are left out: {shares}.")
    bad = [str(step) for step, count in zip(steps, broken, strict=False) if count]
    if bad:
        told.append(f"Some are not finite at steps {', '.join(bad)}.")
    return " ".join(told)


def share(value: Any) -> str:
    """A share in words."""
    return f"{float(value):.1%}"
