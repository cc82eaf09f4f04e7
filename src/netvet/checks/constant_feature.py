"""Input features that never vary."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check, location_of
from netvet.stats import listed, number


@check(
    stage="data",
    kind="cause",
    severity="note",
    since="0.1",
    measures="features that never vary [share]",
    explained_by=("wrong-dtype", "non-finite-input"),
    fixes={"check-preprocessing": "Look at some inputs as they enter the net; drop features that never vary."},
)
def constant_feature(
    inputs: Facts,
    *,
    share: float = 0.1,  # of the features; fewer are not worth a note
    fewest: int = 32,  # samples
    most: float = 1 / 3,  # of the columns of a table: its columns were chosen, so few of them are empty by nature
    columns: int = 48,  # wider rows are flattened images or bags of words, where constant places are normal
) -> Iterator[Finding]:
    """Features of the input have the same value in every sample.

    ## Why it matters
    A feature that never varies says nothing; where all are constant, for example after an integer division, the net
    can only learn the most common target.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"phase": "train", "dtype": "float32", "samples": 640, "batch": 32, "constant_features": 64}
    >>> zeros = {"model": "Net", "position": 0, "features": 64, "min": 0, "max": 0}
    >>> constant_feature(Facts.of({**zeros, **seen}))[0].message
    'every value of input 0 of Net is 0, in all 640 samples: the net sees nothing'

    ## Known problems
    Borders of images and rare words are constant: a note, as is a whole-numbered row (one-hot). A third of the columns
    of a narrow table is a warning. Positions, masks and start states beside the data are constant by design,
    and so is the fixed code that a deep image prior starts from: only a sole input without any variation is an error.

    ## References
    Measured on the digits: all-zero inputs end at chance.
    """
    train = inputs.where(phase="train")
    for record in train:
        constant, features = number(record, "constant_features"), number(record, "features")
        count, low, high = (number(record, f) for f in ("samples", "min", "max"))
        is_float = str(record.get("dtype")).removeprefix("torch.").startswith(("float", "bfloat"))
        if not constant or not features or not is_float or (count or 0) < fewest or (number(record, "batch") or 0) < 2:
            continue
        sole = sum(t.get("model") == record.get("model") for t in train) == 1
        name = record.get("named") or f"input {record.get('position')} of {record.get('model')}"
        at, columns_named = location_of(record, "data", ""), [str(c) for c in record.get("constant_names") or ()]
        where, part = str(record.get("model")), constant / features
        if sole and part == 1 and low is not None and low == high:
            message = f"every value of {name} is {low:g}, in all {count:g} samples: the net sees nothing"
            yield Finding(message, where, 0, part, share, at, severity="error", confidence=0.9)
        elif sole and (part > share or columns_named):
            which = f" ({listed(columns_named)})" if columns_named else ""
            message = f"{constant:g} of {features:g} features of {name} never vary, in all {count:g} samples{which}"
            table = len(record.get("shape") or ()) == 2 and 4 <= features <= columns and not record.get("integral")
            severity: Severity = "warning" if table and part > most and constant > 1 else "note"
            yield Finding(message, where, 0, part, share, at, severity=severity, confidence=0.7)
