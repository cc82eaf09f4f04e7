"""Samples far from all others."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, shown
from netvet.stats import number

# What samples are that one of the measures of a whole sample sets apart: no unit of it is gross.
APART = {
    "many features": "are far from what is usual in many features at once",
    "structure": "have features that do not go together as those of all others do",
    "light": "are unlike all others in light, contrast or sharpness",
}


@check(
    stage="data",
    kind="symptom",
    severity="warning",
    since="0.1",
    measures="distance from the others [spreads]",
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
    a note, as are samples that are set apart as a whole. Of these, many of one class, or many in data without classes,
    may be a rare kind that belongs there: they are possible outliers at most.

    Possible outliers are a list to look through, not a fault: should the tail go on as it begins, at most 3 in 10 are
    there by chance. `netvet data ... --find "possible outlier"` lists them.

    ## References
    Renyi, On the theory of order statistics (1953); cleanlab, outlier issues; Barnett and Lewis, Outliers in
    Statistical Data (1994), gap tests; Hubert, Rousseeuw and Vanden Branden, ROBPCA (2005); Benjamini and Hochberg,
    Controlling the false discovery rate (1995).
    """
    possible = {r.get("split"): r for r in outliers if r.get("sure") is False}
    for record in outliers:
        count, spreads = number(record, "samples"), number(record, "spreads")
        if not count or record.get("sure") is False:
            continue
        more = number(possible.pop(record.get("split"), {}), "samples")
        severity: Severity = "warning" if (spreads or 0.0) >= gross and record.get("axis") not in APART else "note"
        message = _message(record, count) + (f"; {more:g} more may be outliers" if more else "")
        yield Finding(
            message, f"{record.get('split')}: {record.get('axis')}", None, spreads, gross, None, _evidence(record),
            severity=severity, confidence=0.6,
        )  # fmt: skip
    for record in possible.values():
        count = number(record, "samples") or 0.0
        if count:
            yield Finding(
                f"{_samples(record, count)} may be outliers: `--find \"possible outlier\"` lists them",
                f"{record.get('split')}: {record.get('axis')}", None, count, None, None, _evidence(record),
                severity="note", confidence=0.3,
            )  # fmt: skip


def _evidence(record: Record) -> dict[str, object]:
    return {"examples": list(record.get("examples") or ())[:10], "axis": record.get("axis")}


def _samples(record: Record, count: float) -> str:
    part = number(record, "share")
    share = f" ({shown(part)})" if part else ""
    return f"{count:g} of {record.get('total')} samples of {record.get('split')}{share}"


def _message(record: Record, count: float) -> str:
    samples, axis = _samples(record, count), record.get("axis")
    limit, median = number(record, "limit") or 0.0, number(record, "median") or 0.0
    if axis in APART:
        return f"{samples} {APART[axis]}"
    if axis == "features":
        times = f"{limit / median:.1f} times as far" if median > 0 else "far"
        return f"{samples} are unlike all others: at least {times} from their nearest neighbours as is usual"
    edge = "from {:.3g} on" if record.get("side") == "high" else "up to {:.3g}"
    where = f"{edge.format(limit)}, where the median is {median:.3g}"
    return f"{samples} lie far beyond the tail of all others in {axis}: {where}"
