"""Padding that is part of the loss."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="change of the loss [loss]",
    explained_by=("ignored-mask",),
    fixes={"ignore-index": "Give padded targets the value of ignore_index, or mask the loss."},
)
def padding_in_loss(
    mask_probe: Facts,
    *,
    share: float = 0.01,  # of the positions; less padding costs next to nothing
    guessed: float = 0.1,  # the same where only the ids tell what padding is: the first may mean the end of a text
) -> Iterator[Finding]:
    """Padded positions take part in the loss.

    ## Why it matters
    The net is rewarded for predicting padding, and the loss looks better the more padding there is.

    ## Example
    >>> from netvet.core import Facts
    >>> sick = {"model": "Net", "given": True, "loss_changes": 0.3, "tolerance": 1e-5, "pad_share": 0.4}
    >>> padding_in_loss(Facts.of(sick))[0].message
    'the loss of Net changes by 0.3 with the content of padded positions (40% of all), so padding is learned'

    ## Known problems
    Losses that ignore padding do not change; a padding id that is also the end of a text is learned on purpose once.

    ## References
    torch.nn.functional.cross_entropy, ignore_index.
    """
    for record in mask_probe:
        change, part = number(record, "loss_changes"), number(record, "pad_share")
        tolerance = max(number(record, "tolerance") or 0.0, 1e-6)
        least = share if record.get("declared") is not False else guessed
        if change is None or part is None or part < least or abs(change) <= tolerance or not record.get("given"):
            continue
        if record.get("ignore_index_used") is True:
            continue
        place = Location(str(record["loss_file"]), int(record["loss_line"])) if record.get("loss_file") else None
        model = record.get("model")
        message = (
            f"the loss of {model} changes by {abs(change):.2g} with the content of padded positions "
            f"({part:.0%} of all), so padding is learned"
        )
        yield Finding(message, str(model), 0, abs(change), tolerance, place or location_of(record), confidence=0.9)
