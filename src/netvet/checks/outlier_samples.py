"""Samples far from all others."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, shown
from netvet.stats import number


@check(
    stage="data",
    kind="symptom",
    severity="warning",
    since="0.1",
    explained_by=("non-finite-input",),
    fixes={
        "drop-suspects": "Look at the examples: repair what was read wrongly, drop what is of another kind.",
        "robust-scaling": "Where they are right, scale by median and quartiles, clip, or take logarithms.",
    },
)
def outlier_samples(
    outliers: Facts,
    *,
    gross: float = 100.0,  # spreads of the middle half from the median: no measurement goes so far, a wrong unit does
) -> Iterator[Finding]:
    """Some samples do not belong to the distribution that the others follow.

    ## Why it matters
    A gross error sets the scale of a feature for all others, has a loss that outweighs a batch, and is often the trace
    of a reader, a unit or a file that went wrong.

    ## Example
    >>> from netvet.core import Facts
    >>> record = {"split": "train", "axis": "height", "side": "high", "samples": 2, "total": 800, "limit": 9e3}
    >>> outlier_samples(Facts.of(record | {"median": 1.7, "spreads": 9e4}))[0].message
    '2 of 800 samples of train lie far beyond the tail of all others in height: from 9e+03 on, where the median is 1.7'

    ## Known problems
    Rare groups and heavy tails are no errors: samples that the tail leads up to are silent, and all but gross ones are
    a note. Outliers as many as a class of their own are a group, and silent.

    ## References
    Renyi, On the theory of order statistics (1953); cleanlab, outlier issues; Barnett and Lewis, Outliers in
    Statistical Data (1994), gap tests.
    """
    for record in outliers:
        count, spreads = number(record, "samples"), number(record, "spreads")
        if not count:
            continue
        features = record.get("axis") == "features"
        severity: Severity = "warning" if (spreads or 0.0) >= gross else "note"
        evidence = {"examples": list(record.get("examples") or ())[:10], "axis": record.get("axis")}
        where = f"{record.get('split')}: {record.get('axis')}"
        yield Finding(
            _message(record, count, features=features), where, None, spreads, gross, None, evidence,
            severity=severity, confidence=0.6,
        )  # fmt: skip


def _message(record: Record, count: float, *, features: bool) -> str:
    part = number(record, "share")
    share = f" ({shown(part)})" if part else ""
    samples = f"{count:g} of {record.get('total')} samples of {record.get('split')}{share}"
    limit, median = number(record, "limit") or 0.0, number(record, "median") or 0.0
    if features:
        times = f"{limit / median:.1f} times as far" if median > 0 else "far"
        return f"{samples} are unlike all others: at least {times} from their nearest neighbours as is usual"
    edge = "from {:.3g} on" if record.get("side") == "high" else "up to {:.3g}"
    tail = f"lie far beyond the tail of all others in {record.get('axis')}"
    return f"{samples} {tail}: {edge.format(limit)}, where the median is {median:.3g}"
