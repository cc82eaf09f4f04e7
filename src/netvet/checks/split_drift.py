"""Held-out data from another distribution than the training data."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="distance of the distributions [share]",
    explained_by=("missing-class", "label-out-of-range", "wrong-layout", "future-in-train", "mismatched-normalisation"),
    fixes={
        "shuffle-split": "Split at random, stratified by class, unless the held-out data differ on purpose.",
        "report-both": "Where they differ on purpose, hold out a part of the training distribution as well.",
    },
)
def split_drift(
    split_drift: Facts,
    time_order: Facts | None = None,
    *,
    labels: float = 0.1,  # total variation of the classes (or KS of numbers)
    feature: float = 0.15,  # KS of one feature
    area: float = 0.65,  # of a classifier that tells the splits apart; deepchecks' drift score 0.3
    chance: float = 1e-5,  # p, after the number of features: far beyond any number of looks at random splits
    sigmas: float = 6.0,  # of the area; cross-validation makes 3 of them in a random split of 2,000
) -> Iterator[Finding]:
    """The labels or features of held-out data are distributed otherwise than those of the training data.

    ## Why it matters
    The score is then of another task than the one that was trained, and tuning by it fits the difference.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"train": "train", "split": "val", "label_distance": 0.4, "label_p": 1e-30, "label": "cat"}
    >>> split_drift(Facts.of({**seen, "label_shares": [0.1, 0.5]}))[0].message
    'val is not distributed as train: class cat has 10% of train and 50% of val'

    ## Known problems
    Random splits differ by chance; the limits grow with their smallness. A test set that is balanced, or of a later
    time, on purpose differs rightly: the finding is then what to expect of the score, and a note where --time tells.

    ## References
    Rabanser, Günnemann and Lipton, Failing Loudly, arXiv:1810.11953; Lopez-Paz and Oquab, Revisiting Classifier
    Two-Sample Tests, arXiv:1610.06545. Silent on 8 random splits of each of digits, iris, wine, cancer, diabetes.
    """
    for record in split_drift:
        told: list[tuple[str, float, float]] = []
        distance, p = number(record, "label_distance"), number(record, "label_p")
        if distance is not None and p is not None and distance >= labels and p < chance:
            told.append((_labels(record), distance, labels))
        columns = [m for m in record.get("moved") or () if m["distance"] >= feature and m["p"] < chance]
        if columns:
            told.append((_columns(columns), columns[0]["distance"], feature))
        gone = number(record, "missing_change") or 0.0
        if abs(gone) >= feature and (number(record, "samples") or 0) >= 100:
            told.append(
                (f"column {record.get('missing_column')} lacks {abs(gone):.0%} more values in one", gone, feature)
            )
        seen, z = number(record, "area"), number(record, "area_z")
        if seen is not None and z is not None and seen >= area and z >= sigmas:
            told.append((f"a classifier tells them apart (area under the curve {seen:.2f})", seen, area))
        if not told:
            continue
        # Classes and columns may be a little off in a small way that a person wanted; told apart at sight is not that.
        severity: Severity = "warning" if told[0][1] >= 2 * told[0][2] or len(told) > 1 else "note"
        train, split = record.get("train"), str(record.get("split"))
        message = f"{split} is not distributed as {train}: " + "; ".join(t[0] for t in told[:3])
        if any(r.get("split") == split and r.get("said") and r.get("late") == 0 for r in time_order or ()):
            severity, message = "note", f"{message} (it is of a later time, as is meant: the season or the trend)"
        evidence = {"columns": columns, "area": seen, "label_shares": record.get("label_shares")}
        yield Finding(message, split, None, told[0][1], told[0][2], None, evidence, severity=severity, confidence=0.8)


def _labels(record: Record) -> str:
    shares, medians = record.get("label_shares"), record.get("label_medians")
    if shares:
        ours, theirs = shares
        return (
            f"class {record.get('label')} has {ours:.0%} of {record.get('train')} and {theirs:.0%} of {record['split']}"
        )
    return f"the median target is {medians[0]:.3g} and {medians[1]:.3g}" if medians else "the targets differ"


def _columns(columns: list[Record]) -> str:
    first = columns[0]
    many = f"{len(columns)} or more features differ" if len(columns) > 1 else "one feature differs"
    return f"{many}, column {first['column']} most (median {first['medians'][0]:.3g} and {first['medians'][1]:.3g})"
