"""One training step, done twice from the same state, with two results."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="skeleton",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="difference of the two outcomes [share of their size]",
    explained_by=("mutated-data", "batch-mixing"),
    fixes={
        "deterministic-algorithms": "Call torch.use_deterministic_algorithms(True), which names the operation.",
        "no-hidden-state": "Keep no state from call to call; draw random numbers from torch's generator only.",
    },
    experiments=("determinism",),
)
def nondeterministic_step(
    step_repeat: Facts,
    environment: Facts | None = None,
    *,
    limit: float = 1e-3,  # relative; float32 sums in another order differ by 1e-7 to 1e-5
) -> Iterator[Finding]:
    """The same step from the same weights, data and random state gives different numbers.

    ## Why it matters
    Something other than weights, data and seed decides the result: a hidden state, a clock, a generator that is not
    torch's, or an operation that adds up in changing order. Such runs cannot be compared or debugged step by step.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"equal": False, "seeded": True, "max_difference": 0.2, "first_layer": "encoder.noise"})
    >>> nondeterministic_step(sick)[0].message
    'the same step done twice from the same state differs by 0.2, first in encoder.noise'

    ## Known problems
    Atomic additions on a GPU differ in the last bits: a note, like every difference below the limit. Where the random
    state could not be restored the check is silent.

    ## References
    PyTorch, "Reproducibility"; torch.use_deterministic_algorithms.
    """
    for record in step_repeat:
        gap = number(record, "max_difference")
        if record.get("equal") is not False or record.get("seeded") is not True or gap is None or gap <= 0:
            continue
        layer = record.get("first_layer")
        message = f"the same step done twice from the same state differs by {gap:.2g}" + (
            f", first in {layer}" if layer else ""
        )
        on_gpu = any(e.get("device") == "cuda" for e in environment or ())
        source = record.get("source")
        if source:
            message += f": it draws from {source}"
        # Where the steps differ from the recorded one as well, a hidden state may still be the script's own business.
        small = gap <= limit or (on_gpu and gap <= 10 * limit) or source == ""
        yield Finding(
            message, layer, 0, gap, limit, location_of(record), severity="note" if small else None, confidence=0.9
        )
        return
