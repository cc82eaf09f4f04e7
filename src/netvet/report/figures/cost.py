"""What the run cost: memory, time, netvet's own share, and the pace of ranks."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.report.figures import Source
from netvet.report.figures.curves import cost as curves_of_cost
from netvet.report.figures.predictions import bars, number_of, records_of
from netvet.report.figures.spec import Figure, axis

PARTS = {
    "forward_seconds": "forward",
    "backward_seconds": "backward (with waiting)",
    "between_passes_seconds": "between passes",
}


def cost(source: Source) -> Iterator[Figure]:
    """All figures of the cost."""
    yield from curves_of_cost(source)
    yield from own(source)
    yield from ranks(source)


def own(source: Source) -> Iterator[Figure]:
    """Wall time of the program and of netvet."""
    for record in records_of(source, "run")[:1]:
        whole, mine = number_of(record.get("seconds")), number_of(record.get("netvet_seconds"))
        if whole is None or mine is None or whole <= 0:
            continue
        yield bars(
            "netvet-seconds", "Time of netvet",
            f"Wall time of the program, and what netvet took of the whole: {mine / whole:.1%}. Short runs pay mostly "
            "for the probes before the first step and at the end.",
            [], axis("part"), axis("time", "s"), ["program", "netvet"],
            {"seconds": ([max(0.0, whole - mine), mine], "other")},
        )  # fmt: skip


def ranks(source: Source) -> Iterator[Figure]:
    """Median time of the parts of a step, by rank."""
    found = [one for one in records_of(source, "ranks") if number_of(one.get("step_seconds")) is not None]
    if len(found) > 1:
        yield bars(
            "rank-seconds", "Time of a step by rank",
            "Median time of each part of a step. Healthy: all ranks alike; the one that waits least in backward is the "
            "one that the others wait for.",
            ["ranks"], axis("rank"), axis("time", "s"), [str(one.get("rank")) for one in found],
            {word: ([one.get(name) for one in found], "other") for name, word in PARTS.items()},
        )  # fmt: skip
