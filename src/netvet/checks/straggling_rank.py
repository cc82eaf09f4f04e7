"""A process of a distributed run for which the others wait at every step."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check, location_of
from netvet.stats import number

_WHERE = {
    "between_passes": "before its forward pass (data, optimizer, the script itself)",
    "forward": "in its forward pass",
}


@check(
    stage="fit",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="excess time over a step [share]",
    fixes={
        "even-work": "Give every rank the same work: equally long samples, the same number of loader workers, no"
        " logging or saving on one rank at every step.",
        "look-at-machine": "Look at the machine of that rank: a busy core, a slow disk, a throttled accelerator.",
    },
)
def straggling_rank(
    ranks: Facts | None = None,
    loaders: Facts | None = None,
    *,
    limit: float = 0.25,  # of a step: beyond the jitter of processes that share two busy cores (up to 0.15 seen)
    steady: float = 0.8,
    patience: int = 20,
) -> Iterator[Finding]:
    """One process of a distributed run is slower than the others, which wait for it at every step.

    ## Why it matters
    Processes that average their gradients go at the speed of the slowest. All their steps take equally long, so that
    the times of whole steps do not show which one it is: it is the one that comes late to the backward pass, and
    waits least in there.

    ## Example
    >>> from netvet.core import Facts
    >>> fast = {"rank": 0, "timed_steps": 30, "backward_excess": 0.7}
    >>> slow = {"rank": 1, "timed_steps": 30, "between_passes_excess": 0.69, "between_passes_slower": 1.0,
    ...         "between_passes_seconds": 0.021, "step_seconds": 0.03, "backward_excess": -0.7}
    >>> straggling_rank(Facts.of(fast, slow))[0].message
    'the others wait for rank 1 at every step: it takes 21 ms before its forward pass (data, optimizer, the script
    itself), 69 % of a step more than they do'

    ## Known problems
    Times are those of the process, not of its accelerator: a slow accelerator shows only where the script waits for
    it. Ranks that exchange data within the forward pass (sharded models) wait for each other there, too: of these,
    only what is slow before the forward pass is told. Ranks that do different things on purpose (pipelines) may differ.

    ## References
    torch.nn.parallel.DistributedDataParallel, Forward and Backward Pass.
    """
    train = next((one for one in loaders or () if one.get("phase") != "eval"), None)
    at = location_of(train, "dataset", "created")
    timed = [record for record in ranks or () if (number(record, "timed_steps") or 0) >= patience]
    late = [r for r in timed if _excess(r, "between_passes") >= limit]
    for record in late or timed:
        # Where one is late already, the others may wait for it in the forward pass (buffers are sent there).
        part, waits = ("between_passes", ("forward", "backward")) if late else ("forward", ("backward",))
        excess, waited = _excess(record, part), sum(_excess(record, one) for one in waits)
        if excess < limit or waited > -limit / 2 or (number(record, f"{part}_slower") or 0.0) < steady:
            continue
        rank, seconds = record.get("rank"), number(record, f"{part}_seconds") or 0.0
        message = f"the others wait for rank {rank} at every step: it takes {1000 * seconds:.2g} ms {_WHERE[part]}, "
        message += f"{100 * excess:.0f} % of a step more than they do"
        yield Finding(message, f"rank {rank}", None, excess, limit, at if late else None, confidence=0.9)


def _excess(record: Record, part: str) -> float:
    return number(record, f"{part}_excess") or 0.0
