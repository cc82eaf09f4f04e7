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
    measures="graphs in memory [count]",
    fixes={
        "detach-kept": "Keep losses and outputs after detach() (or item()) for the log; never the tensors themselves.",
        "drop-retain-graph": "Remove retain_graph=True, and detach the state that is carried from step to step.",
    },
)
def retained_graph(
    live_graphs: Series,
    retained_losses: Facts | None = None,
    memory_bytes: Series | None = None,
    live_outputs: Series | None = None,
    *,
    graphs: int = 30,  # kept at once; the loss of the last step and a few unrolled ones are usual
    rate: float = 0.2,  # more graphs a step: one kept every fifth step and more
    seldom: float = 0.05,  # the same of outputs that never become fewer
) -> Iterator[Finding]:
    """The graphs of earlier losses stay in memory and become more with every step.

    ## Why it matters
    A loss tensor holds everything that backward needs. Appending it to a list or adding it to a running total keeps
    the graphs of all those steps: memory grows until the process is killed, and each step gets slower. Predictions
    that are collected for a score hold their graphs just so.

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
    held = next((h for h in retained_losses or () if h.get("holder")), {})
    kept = _pile(live_graphs, graphs, rate)
    what = "the graphs of earlier losses pile up"
    if kept is None and live_outputs is not None and held:
        kept = _pile(live_outputs, graphs, seldom) if _grows_throughout(live_outputs.finite()) else None
        what = "the graphs of earlier outputs of the model pile up"
    if kept is None:
        return
    first, last, count, pace = kept
    message = f"{what}: {count:g} are in memory at step {last}, {pace:.2g} more with every step"
    message += f", held by {held['holder']}" if held else ""
    if memory_bytes is not None and len(known := memory_bytes.finite()) > 1:
        growth = (known.values[-1] - known.values[0]) / 2**20
        message += f"; memory grew by {growth:.0f} MiB" if growth > 1 else ""
    yield Finding(message, held.get("holder"), first, count, float(graphs), location_of(held), confidence=0.9)


def _pile(lives: Series, graphs: int, rate: float) -> tuple[int, int, float, float] | None:
    """First and last step, number and pace of the first stretch in which the graphs become more without a fall."""
    series = lives.finite()
    if len(series) < 3:
        return None
    starts = [0, *(np.flatnonzero(np.diff(series.values) < 0) + 1).tolist()]
    for first, after in zip(starts, [*starts[1:], len(series)], strict=True):
        steps, values = series.steps[first:after], series.values[first:after]
        span, rise = float(steps[-1] - steps[0]), float(values[-1] - values[0])
        if rise >= graphs and span > 0 and rise / span >= rate:
            return int(steps[0]), int(steps[-1]), float(values[-1]), rise / span
    return None


def _grows_throughout(lives: Series) -> bool:
    """Outputs in a list that is emptied each epoch, or that holds the latest few, do not grow with the run."""
    values = lives.values
    grown = np.diff(values)
    return len(values) > 2 and bool((grown >= 0).all()) and values[-1] - values[len(values) // 2] > 0.3 * values[-1]
