"""Token ids that an embedding has no row for."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={"vocabulary": "Size the embedding by the largest id plus one, special tokens and padding included."},
)
def token_out_of_range(run: Facts, inputs: Facts | None = None) -> Iterator[Finding]:
    """A token id is not a row of the embedding.

    ## Why it matters
    The lookup fails, on a GPU with an error that names neither the id nor the line.

    ## Example
    >>> from netvet.core import Facts
    >>> ids = {"model": "Net", "position": 0, "min": 0, "max": 64, "embedding_rows": 64}
    >>> token_out_of_range(Facts.of({"exception": "IndexError: index out of range in self"}), Facts.of(ids))[0].message
    'input 0 of Net holds ids from 0 to 64, but its embedding has 64 rows, for ids 0 to 63'

    ## Known problems
    Only runs that failed are judged: ids that a model maps or clamps before the lookup are legal.

    ## References
    torch.nn.Embedding, num_embeddings.
    """
    for record in run:
        if "index out of range in self" not in str(record.get("exception")):
            continue
        file, line = record.get("exception_file"), record.get("exception_line")
        place = Location(str(file), int(line)) if file and line else None
        for one in inputs or ():
            low, high, rows = number(one, "min"), number(one, "max"), number(one, "embedding_rows")
            if rows and low is not None and high is not None and (high >= rows or low < 0):
                message = (
                    f"input {one.get('position')} of {one.get('model')} holds ids from {low:g} to {high:g}, "
                    f"but its embedding has {rows:g} rows, for ids 0 to {rows - 1:g}"
                )
                where, at = str(one.get("model")), place or location_of(one)
                yield Finding(message, where, record.get("steps"), high, rows, at, confidence=1.0)
                return
        message = "the run ended because an id had no row in an embedding: index out of range"
        yield Finding(message, None, record.get("steps"), location=place, confidence=0.9)
        return
