"""Token ids that an embedding has no row for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from netvet.core import Facts, Finding, Location, Record, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="token id [number]",
    fixes={"vocabulary": "Size the embedding by the largest id plus one, special tokens and padding included."},
)
def token_out_of_range(
    run: Facts | None = None, inputs: Facts | None = None, data_tokens: Facts | None = None
) -> Iterator[Finding]:
    """A token id is not a row of the embedding.

    ## Why it matters
    The lookup fails, on a GPU with an error that names neither the id nor the line.

    ## Example
    >>> from netvet.core import Facts
    >>> ids = {"model": "Net", "position": 0, "min": 0, "max": 64, "embedding_rows": 64}
    >>> token_out_of_range(Facts.of({"exception": "IndexError: index out of range in self"}), Facts.of(ids))[0].message
    'input 0 of Net holds ids from 0 to 64, but its embedding has 64 rows, for ids 0 to 63'

    ## Known problems
    Only runs that failed are judged: ids that a model maps or clamps before the lookup are legal. Files of tokens are
    judged where the size of the vocabulary is given (`netvet data --vocabulary`).

    ## References
    torch.nn.Embedding, num_embeddings.
    """
    yield from _outside(data_tokens or ())
    for record in run or ():
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


def _outside(splits: Iterable[Record]) -> Iterator[Finding]:
    """Tokens in files that the vocabulary does not have."""
    for one in splits:
        size, low, high = one["vocabulary"], one["low"], one["high"]
        if not size or (low >= 0 and high < size):
            continue
        off = "; they seem to count from 1" if low == 1 and high == size else ""
        message = (
            f"{one['outside']:,} of {one['windows']:,} windows of {one['split']} hold tokens that a vocabulary of "
            f"{size:,} does not have: they go from {low} to {high}{off}"
        )
        evidence = {"windows": one["examples"]}
        yield Finding(message, one["split"], None, high, size - 1, evidence=evidence, confidence=1.0)
