"""Stored samples that change from epoch to epoch."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="samples that changed [share]",
    fixes={"copy-first": "Work on a copy (x = x.clone()) in place of writing into the stored sample (x -= mean)."},
)
def mutated_data(
    stored_data: Facts,
    *,
    share: float = 0.5,  # of the samples looked at: in-place work hits nearly all, pseudo-labels some
    fewest: int = 4,  # samples
) -> Iterator[Finding]:
    """The samples of the data set differ from what they were in the first epoch.

    ## Why it matters
    In-place arithmetic on a stored sample is applied again in every epoch: the data drift away from what the net
    learned, and are never what they were meant to be.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = Facts.of({"loader": "DataLoader", "checked": 16, "changed": 16, "first_epoch": 1, "drift": 0.5})
    >>> mutated_data(sick)[0].message
    '16 of 16 stored samples of DataLoader differ in epoch 1 from the first (by 0.5): they are changed in place'

    ## Known problems
    Random augmentation differs between two readings in a row and is no change; a data set that seeds its augmentation
    by the epoch looks like one. Relabelling a few samples on purpose stays below the limit.

    ## References
    PyTorch, torch.from_numpy (shared memory) and in-place operations.
    """
    for record in stored_data:
        checked, changed, drift = number(record, "checked"), number(record, "changed"), number(record, "drift")
        if not checked or not changed or checked < fewest or changed / checked < share or drift == 0:
            continue
        by = f" (by {drift:.3g})" if drift is not None else ""
        when = number(record, "first_epoch")
        epoch = f"in epoch {when:g}" if when is not None else "in a later epoch"
        what = f"{changed:g} of {checked:g} stored samples of {record.get('loader')} differ"
        message = f"{what} {epoch} from the first{by}: they are changed in place"
        where, at = str(record.get("loader")), location_of(record, "change", "dataset", "")
        yield Finding(message, where, None, changed / checked, share, at, confidence=0.8)
