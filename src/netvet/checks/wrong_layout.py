"""Images of two splits in two layouts."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="distance of the mean images [std]",
    fixes={
        "one-reader": "Read the images of all splits by the same code: order of channels, of rows, and of axes.",
        "permute": "Move the channels in front of rows and columns: `x.permute(0, 3, 1, 2)`, and never `reshape`.",
    },
)
def wrong_layout(
    split_layout: Facts,
    *,
    times: float = 3.0,  # the distance of the mean images as they are over that after the change, and over chance
    least: float = 0.15,  # of the distance, in units of the spread of a cell
) -> Iterator[Finding]:
    """Images lie otherwise than the net or the training data have it: axes, rows, columns or channels.

    ## Why it matters
    The net meets pictures that it was never shown. Everything runs, and the score is low for no reason in the model.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"train": "train", "split": "test", "distance": 0.9, "changed": 0.05, "chance": 0.06}
    >>> wrong_layout(Facts.of({**seen, "change": "upside down"}))[0].message
    'the images of test look upside down against train: their means differ by 0.9 std, and by 0.05 when put right'

    ## Known problems
    Of two splits only the mean images and colours are compared: what is wrong in both, or looks the same in the mean
    after the change, is not seen. Splits of different scenes are silent, as no change makes them equal. Mixed axes are
    seen of square pictures with 3 or 4 channels that enter a net with convolutions, where neighbours become alike once
    the axes are put right.

    ## References
    OpenCV, imread (BGR).
    """
    for record in split_layout:
        if record.get("axes") is not None:
            yield _mixed(record)
            continue
        usual, changed, chance = (number(record, f) for f in ("distance", "changed", "chance"))
        if usual is None or changed is None or chance is None:
            continue
        if usual < least or usual < times * max(changed, chance) or changed > 2 * chance:
            continue
        split, change = str(record.get("split")), record.get("change")
        look = "have their channels swapped" if change == "channels swapped" else f"look {change}"
        message = (
            f"the images of {split} {look} against {record.get('train')}: "
            f"their means differ by {usual:.2g} std, and by {changed:.2g} when put right"
        )
        yield Finding(message, split, None, usual, times * chance, confidence=0.8, fixes=("one-reader",))


def _mixed(record: Record) -> Finding:
    split, usual, right = str(record.get("split")), number(record, "rough"), number(record, "smooth")
    shape = " x ".join(str(size) for size in record.get("shape") or ())
    if record.get("axes") == "last":
        how = f"enter convolutions as {shape}, channels last: rows are taken for channels"
    else:
        how = (
            f"enter the net as {shape} by a reshape of what has its channels last: neighbouring pixels differ by "
            f"{usual:.2g} of what any two do, and by {right:.2g} when it is undone"
        )
    return Finding(f"the images of {split} {how}", split, None, right, usual, confidence=0.8, fixes=("permute",))
