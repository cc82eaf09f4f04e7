"""Random numbers that repeat in data loading."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="draws that repeat [share]",
    fixes={"worker-seed": "Draw from torch's generator, or seed numpy and random in worker_init_fn."},
)
def repeated_worker_rng(
    worker_draws: Facts,
    *,
    share: float = 0.5,  # of the samples; chance repeats of continuous draws are nil
) -> Iterator[Finding]:
    """Several data loading workers, or epochs, draw the same random numbers.

    ## Why it matters
    Augmentation then repeats itself: there is far less variety than it seems, and the same noise is learned by heart.

    ## Example
    >>> from netvet.core import Facts
    >>> repeated_worker_rng(Facts.of({"loader": "train", "repeated": 1.0, "kind": "across-workers"}))[0].message
    '100% of the random draws in loader train repeat across workers: augmentation is copied'

    ## Known problems
    Equal generator states that nobody draws from are silent, and so are draws that differ.

    ## References
    Tanel Parnamaa, Using PyTorch + NumPy? You are making a mistake (2021).
    """
    for record in worker_draws:
        part = number(record, "repeated")
        if part is None and record.get("same_augmentation_every_epoch") is True:
            part = 1.0
        if part is None or part < share:
            continue
        kind = "across epochs" if record.get("kind") == "across-epochs" else "across workers"
        name = record.get("loader")
        message = f"{part:.0%} of the random draws in loader {name} repeat {kind}: augmentation is copied"
        yield Finding(message, str(name), None, part, share, location_of(record, "created", ""), confidence=0.9)
