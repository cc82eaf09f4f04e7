"""Autograd graphs of past steps that are kept in memory."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, Series, check, location_of


@check(
    stage="skeleton",
    kind="cause",
    severity="warning",
    since="0.1",
    fixes={
        "use-item": "Keep loss.item() or loss.detach() for the log, never the loss itself.",
        "drop-retain-graph": "Remove retain_graph=True, and detach the state that is carried from step to step.",
    },
)
def retained_graph(
    live_graphs: Series,
    retained_losses: Facts | None = None,
    memory_bytes: Series | None = None,
    *,
    graphs: int = 30,  # kept at once; the loss of the last step and a few unrolled ones are usual
    rate: float = 0.2,  # more graphs a step: one kept every fifth step and more
) -> Iterator[Finding]:
    """The graphs of earlier losses stay in memory and become more with every step.

    ## Why it matters
    A loss tensor holds everything that backward needs. Appending it to a list or adding it to a running total keeps
    the graphs of all those steps: memory grows until the process is killed, and each step gets slower.

    ## Example
    >>> from netvet.core import Series
    >>> retained_graph(Series.of(list(range(200))))[0].message
    'the graphs of earlier losses pile up: 199 are in memory at step 199, 1 more with every step'

    ## Known problems
    A constant number of live graphs is fine: the last loss, truncated back-propagation through time, inner loops of
    meta-learning. Sums that are dropped after each short epoch stay below the limit.

    ## References
    PyTorch FAQ, "My model reports out of memory": do not accumulate history across your training loop.
    """
    series = live_graphs.finite()
    if len(series) < 3:
        return
    starts = [0, *(np.flatnonzero(np.diff(series.values) < 0) + 1).tolist()]
    for first, after in zip(starts, [*starts[1:], len(series)], strict=True):
        steps, values = series.steps[first:after], series.values[first:after]
        span, rise = float(steps[-1] - steps[0]), float(values[-1] - values[0])
        if rise < graphs or span <= 0 or rise / span < rate:
            continue
        message = (
            f"the graphs of earlier losses pile up: {values[-1]:g} are in memory at step {steps[-1]}, "
            f"{rise / span:.2g} more with every step"
        )
        holder = next((h for h in retained_losses or () if h.get("holder")), {})
        if holder:
            message += f", held by {holder['holder']}"
        if memory_bytes is not None and len(known := memory_bytes.finite()) > 1:
            growth = (known.values[-1] - known.values[0]) / 2**20
            message += f"; memory grew by {growth:.0f} MiB" if growth > 1 else ""
        yield Finding(
            message,
            holder.get("holder"),
            int(steps[0]),
            float(values[-1]),
            float(graphs),
            location_of(holder),
            confidence=0.9,
        )
        return
