"""Labels that contradict what all similar samples say."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="labels that are wrong [share]",
    explained_by=("label-out-of-range", "random-labels", "conflicting-labels"),
    fixes={
        "relabel": "Look at the suspects, the surest first, and correct those that are wrong.",
        "drop-label-errors": "Train without the suspects and see whether the held-out score rises.",
    },
)
def label_errors(
    label_suspects: Facts,
    *,
    share: float = 0.01,  # catalogue
    low: float = 0.005,  # of the interval that holds the share with 95 %
    fewest: int = 4,  # disagreements that the share rests on; clean sets of 100 to 200 samples have up to 3
    many: int = 256,  # samples that the models are sure of, in which the halves of 128 can be compared
    alone: float = 0.9,  # of all disagreements, where fewer cannot show that overlap has an end; clean sets: up to 0.72
    clear: float = 0.3,  # of all disagreements; below, most are overlap of the classes. Clean sets: up to 0.25
    hidden: float = 10,  # wrong labels to expect among possible ones, to speak of these alone
) -> Iterator[Finding]:
    """Samples whose label is probably wrong.

    ## Why it matters
    A net learns wrong labels by heart, and in the held-out data they hide which of two nets is better.

    ## Example
    >>> from netvet.core import Facts
    >>> wrong = {"key": "17", "given": "3", "suggested": "8", "given_probability": 0.0, "suggested_probability": 0.99}
    >>> about = {"share": 0.011, "low": 0.006, "high": 0.02, "overlap": 0.02, "wrong": 10, "sure": 898}
    >>> found = {"split": "train", "samples": 1797, "suspects": 18, "examples": [wrong], "learner": "random trees"}
    >>> label_errors(Facts.of({**found, **about}))[0].message
    '18 of 1,797 labels of train are probably wrong (1.1% of all, 0.6% to 2%), first 17: given 3, more like 8 (p 0.99)'

    `netvet data ... --find "possible label error"` lists further ones, the likeliest first, that are worth a look.

    ## Known problems
    Samples between two classes are no errors: how likely a label is wrong is reckoned with how often cheap models are
    right where they are as sure. Wrong labels are taken to be spread over all samples alike: a rare kind of sample that
    looks like another class is a suspect too. Possible ones are a list to look through, never more than a note.
    Where most disagreement is overlap of the classes, the suspects are a note. Classes that cheap models cannot tell
    from others are not looked at. Numbers far from what similar samples have are a note: targets may have tails.

    ## References
    Northcutt, Jiang and Chuang, Confident Learning, arXiv:1911.00068; Natarajan et al., Learning with Noisy Labels
    (2013); Guo et al., On Calibration of Modern Neural Networks, arXiv:1706.04599. Measured with 0, 0.1, 1, 5 and 10 %
    of wrong labels in digits, four times each: 0, 0, 2, 4 and 4 warnings; at 5 and 10 %, 96 % of the suspects are
    wrong, and 96 % of the wrong ones are suspects.
    """
    for record in label_suspects:
        count, part, more = (number(record, f) for f in ("suspects", "share", "possible"))
        bottom, top, overlap, expected = (number(record, f) or 0.0 for f in ("low", "high", "overlap", "expected"))
        if part is None or not (count or (more and expected >= hidden)):
            continue
        mostly = clear if (number(record, "sure") or 0) >= many else alone
        sure = part >= share and bottom > low and (number(record, "wrong") or 0) >= fewest
        sure = bool(count) and sure and part >= mostly * (part + overlap) and record.get("task") != "regression"
        severity: Severity = "warning" if sure else "note"
        split, samples = str(record.get("split")), number(record, "samples") or 0.0
        shown = f"{part:.2g} of all" if part > 1 else f"{part:.1%} of all, {bottom:.1%} to {top:.0%}"
        if not count:
            message = f"{more:,.0f} of {samples:,.0f} labels of {split} may be wrong, some {expected:,.0f} of them are"
        elif record.get("task") == "regression":
            message = f"{count:,.0f} of {samples:,.0f} targets of {split} are far from what similar samples have"
        elif sure:
            message = f"{count:,.0f} of {samples:,.0f} labels of {split} are probably wrong ({shown})"
        else:
            message = f"{count:,.0f} of {samples:,.0f} labels of {split} contradict similar samples: worth a look"
        message += _first(record) + (f"; {more:,.0f} more may be wrong" if count and more else "")
        evidence = {
            "examples": list(record.get("examples") or ())[:10], "pairs": record.get("pairs"),
            "models": record.get("learner"), "accuracy": record.get("accuracy"),
            "possible": more, "expected among possible": expected,
        }  # fmt: skip
        confidence = 0.8 if sure else 0.5 if count else 0.3
        yield Finding(message, split, None, part, share, None, evidence, severity=severity, confidence=confidence)


def _first(record: Record) -> str:
    """The surest suspect."""
    for one in record.get("examples") or ():
        p = number(one, "suggested_probability")
        shown = [f"{v:g}" if isinstance(v := one.get(name), float) else str(v) for name in ("given", "suggested")]
        return f", first {one.get('key')}: given {shown[0]}, more like {shown[1]}" + (f" (p {p:.2g})" if p else "")
    return ""
