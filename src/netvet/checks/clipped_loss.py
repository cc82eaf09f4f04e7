"""The loss is clamped from above, and what is above gets no gradient."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Location, Record, Severity, check, location_of
from netvet.stats import number

_LINEAR = {"Mean", "Sum", "Add", "Sub", "Mul", "Div", "Neg", "Squeeze", "Unsqueeze", "View", "Reshape", "ToCopy"}
_LOSS = {
    "NllLoss", "NllLoss2D", "NllLossNd", "MseLoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "KlDiv",
    "BinaryCrossEntropy", "BinaryCrossEntropyWithLogits", "SoftMarginLoss", "CrossEntropyLoss",
}  # fmt: skip


@check(
    stage="skeleton",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "clip-gradients": "Clip the gradient (clip_grad_norm_ between backward and step), not the loss.",
        "huber": "Against outliers use a loss that grows more slowly, as huber_loss does: they keep a gradient.",
    },
)
def clipped_loss(
    graph: Facts,
    loss_contract: Facts | None = None,
    losses: Facts | None = None,
    loss: LayerSeries | None = None,
    *,
    share: float = 0.05,  # below, the clamp is a safety net that hardly ever acts
    most: float = 0.5,  # with half of the samples silenced the worst predictions can no longer improve
) -> Iterator[Finding]:
    """The loss itself is clamped from above, so the worst samples have no gradient.

    ## Why it matters
    Clamping a loss (or an error) is often meant as gradient clipping. But beyond its bound a clamp is constant: its
    gradient is zero, and just the samples that are most wrong teach nothing.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> nodes = Facts.of(
    ...     {"backward": "train.py:9", "id": 0, "op": "Clamp", "next": [1], "saved": {"max": 1.0}},
    ...     {"backward": "train.py:9", "id": 1, "op": "NllLoss", "next": []})
    >>> clipped_loss(nodes, loss_contract=Facts.of({"clamped": 1.0}))[0].message
    'the loss is clamped to at most 1: 100% of the samples are above and get no gradient'

    ## Known problems
    A clamp from below (hinge, free bits), a clamp of the ratio in PPO, of probabilities before a logarithm, or of a log
    variance is legal and silent. So is an upper bound that hardly any sample reaches: it is a note.

    ## References
    Measured on the digits: loss 1.0 from the first to the last step, accuracy at chance.
    """
    for site in dict.fromkeys(str(n.get("backward")) for n in graph):
        nodes = {n["id"]: n for n in graph if str(n.get("backward")) == site and isinstance(n.get("id"), int)}
        for clamp in itertools.islice(_clamps(nodes), 1):
            bound = float(clamp["saved"]["max"])
            silenced = _silenced(site, bound, loss_contract, losses, loss)
            yield _finding("loss", site, bound, silenced, location_of(clamp), share, most)
    for record in loss_contract or ():
        bound, silenced = number(record, "clamp_max") or 0.0, number(record, "clamped_errors") or 0.0
        if silenced >= share:
            yield _finding("error", None, bound, silenced, location_of(record, "clamp"), share, most)


def _finding(
    what: str, site: str | None, bound: float, silenced: float | None, place: Location | None, share: float, most: float
) -> Finding:
    acts = silenced is not None and silenced >= share
    above = f"{silenced:.0%} of the samples are" if acts else "samples that come"
    message = f"the {what} is clamped to at most {bound:g}: {above} above and get no gradient"
    severity: Severity = "note" if not acts else "error" if (silenced or 0) >= most else "warning"
    return Finding(message, site, 0, silenced, share, place, severity=severity, confidence=1.0)


def _op(node: Record) -> str:
    return re.sub(r"Backward\d*$", "", str(node.get("op")))


def _below(nodes: Mapping[int, Record], start: int) -> Iterator[Record]:
    """The nodes reached from one through operations that only scale and reduce, with the first that does more."""
    queue, seen = [start], set()
    while queue:
        node = nodes.get(queue.pop())
        if node is None or node["id"] in seen:
            continue
        seen.add(node["id"])
        yield node
        if _op(node) in _LINEAR:
            queue += [n for n in node.get("next") or () if isinstance(n, int)]


def _clamps(nodes: Mapping[int, Record]) -> Iterator[Record]:
    for node in _below(nodes, 0):
        bound = (node.get("saved") or {}).get("max")
        if _op(node) not in ("Clamp", "ClampMax") or not isinstance(bound, int | float) or not np.isfinite(bound):
            continue
        below = [b for n in node.get("next") or () if isinstance(n, int) for b in _below(nodes, n)]
        # A mean or sum right under the clamp is a loss that was written by hand.
        if any(_op(b) in _LOSS for b in below) or (below and _op(below[0]) in ("Mean", "Sum")):
            yield node


def _silenced(
    site: str, bound: float, contract: Facts | None, losses: Facts | None, loss: LayerSeries | None
) -> float | None:
    """Share of samples (or of steps) above the bound; the largest that any observer saw."""
    seen = [number(r, "clamped") for r in contract or ()]
    kept = [r for r in losses or () if r.get("phase") == "train" and r.get("ignored_share") in (None, 0)]
    seen += [number(r, "zero_gradient_share") for r in kept]
    if loss is not None and site in loss and len(values := loss[site].finite().values):
        seen.append(float(np.mean(np.isclose(values, bound, rtol=1e-6))))
    return max((s for s in seen if s is not None), default=None)
