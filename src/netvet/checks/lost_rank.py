"""A process of a distributed run that was gone before the others."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of


@check(
    stage="fit",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "look-at-machine": "Look at the system log of that machine (out of memory, a lost accelerator) and at the"
        " output of that rank.",
        "less-memory": "Where memory ran out: smaller batches, fewer loader workers, sharded parameters.",
    },
)
def lost_rank(ranks: Facts | None = None, run: Facts | None = None) -> Iterator[Finding]:
    """One process of a distributed run came to no end: it was killed, or left the others waiting.

    ## Why it matters
    The other processes wait for it and then fail with errors about connections or time limits, which say nothing about
    the cause. What matters is which process went first, and when.

    ## Example
    >>> from netvet.core import Facts
    >>> lost = {"rank": 1, "present": True, "ended": None, "last_step": 37}
    >>> lost_rank(Facts.of({"rank": 0, "present": True, "ended": "exception", "last_step": 38}, lost))[0].message
    'rank 1 came to no end (killed, or still at work), last heard of at step 37; others: rank 0 stopped at step 38'

    ## Known problems
    A killed process has not stored its last quarter of a second: quick steps of it are missing.
    Where the launcher kills all processes at once, none has an end, and nothing is said. Where the machines share no
    folder of runs, the ranks of the others are not seen at all: a warning.

    ## References
    torchrun (Elastic Launch): a failed worker ends all workers of the job.
    """
    every = list(ranks or ())
    ended = [record for record in every if record.get("ended")]
    if len(every) < 2 or not ended:
        return
    noticed = location_of(next(iter(run or ()), None), "exception")
    failed = any(record["ended"] in ("exception", "terminated", "exit") for record in ended)
    others = ", ".join(_told(record) for record in ended[:3]) + (", ..." if len(ended) > 3 else "")
    for record in every:
        if record.get("ended"):
            continue
        rank, step = record.get("rank"), record.get("last_step")
        if record.get("present") is False:
            message = f"rank {rank} stored nothing; others: {others}"
        else:
            heard = "before its first step" if step is None else f"at step {step}"
            message = f"rank {rank} came to no end (killed, or still at work), last heard of {heard}; others: {others}"
        grave = failed and record.get("present") is not False
        severity: Severity = "error" if grave else "warning"
        sure = 1.0 if grave else 0.6
        yield Finding(message, f"rank {rank}", step, location=noticed, severity=severity, confidence=sure)


def _told(record: Record) -> str:
    rank, step = record.get("rank"), record.get("last_step")
    how = "ended" if record.get("ended") == "ok" else "stopped"
    return f"rank {rank} {how}" + ("" if step is None else f" at step {step}")
