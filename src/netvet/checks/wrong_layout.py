"""Images of two splits in two layouts."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    fixes={"one-reader": "Read the images of all splits by the same code: order of channels, of rows, and of axes."},
)
def wrong_layout(
    split_layout: Facts,
    *,
    times: float = 3.0,  # the distance of the mean images as they are over that after the change, and over chance
    least: float = 0.15,  # of the distance, in units of the spread of a cell
) -> Iterator[Finding]:
    """Held-out images are upside down, mirrored, transposed or have their channels swapped against the training data.

    ## Why it matters
    The net meets pictures that it was never shown. Everything runs, and the score is low for no reason in the model.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"train": "train", "split": "test", "distance": 0.9, "changed": 0.05, "chance": 0.06}
    >>> wrong_layout(Facts.of({**seen, "change": "upside down"}))[0].message
    'the images of test look upside down against train: their means differ by 0.9 std, and by 0.05 when put right'

    ## Known problems
    Only the mean images and colours of two splits of one data set are compared: a layout that is wrong in both, or
    images whose mean looks the same after the change, are not seen. Splits of different scenes are silent, as no
    change makes them equal.

    ## References
    OpenCV, imread (BGR).
    """
    for record in split_layout:
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
        yield Finding(message, split, None, usual, times * chance, confidence=0.8)
