"""NaN or infinite values in what enters the net or in the targets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from netvet.core import Facts, Finding, LayerSeries, Record, Severity, check, location_of
from netvet.stats import listed, number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="values that are not finite [count]",
    fixes={
        "clean-data": "Remove or fill in missing and infinite values before training.",
        "drop-suspects": "Where few samples hold them, leave these out.",
        "guard-division": "If your own preprocessing makes them (0 / 0, log 0), guard it with a small constant.",
    },
)
def non_finite_input(
    inputs: Facts,
    losses: Facts | None = None,
    loss: LayerSeries | None = None,
    first_non_finite: Facts | None = None,
) -> Iterator[Finding]:
    """NaN or infinite values enter the net or the loss with the data.

    ## Why it matters
    One NaN in one sample makes the loss of its batch NaN, its gradient makes every weight NaN, and from then on
    every output is NaN.

    ## Example
    >>> from netvet.core import Facts, LayerSeries
    >>> sick = Facts.of({"model": "Net", "position": 0, "phase": "train", "nonfinite": 3, "first_nonfinite_step": 7})
    >>> non_finite_input(sick, None, LayerSeries.of(a=[2.3, float("nan")]))[0].message
    'input 0 of Net holds 3 NaN or infinite values, first at step 7: the loss became NaN or infinite'

    ## Known problems
    Attention masks hold minus infinity on purpose, and some nets take NaN for a missing value and fill it in: where
    every loss stays finite, inputs are a note, masks are silent.

    ## References
    IEEE 754; measured on the digits: one NaN pixel ends at chance.
    """
    broken = any(len(s) and not np.isfinite(s.values).all() for s in (loss or {}).values())
    proven = any(f.get("from_input") is True for f in first_non_finite or ())
    # Without an operation or a weight that is to blame, the search has only not found where it began.
    found = [f for f in first_non_finite or () if f.get("op") or f.get("from_weights")]
    other = any(f.get("from_input") is False for f in found) and not proven
    for record in sorted(inputs, key=lambda r: r.get("phase") != "train"):
        count = number(record, "nonfinite")
        if not count or "mask" in str(record.get("position")).lower():
            continue
        evaluated = record.get("phase") == "eval"
        harmful = (broken and not other and not evaluated) or proven
        severity: Severity = "error" if harmful else "warning" if loss is None and not other else "note"
        step = record.get("first_nonfinite_step")
        since = f", first at step {step}" if step is not None else ""
        after = ": the loss became NaN or infinite" if harmful else ""
        name = record.get("named") or f"input {record.get('position')} of {record.get('model')}"
        holds = "hold" if record.get("named") else "holds"
        message = f"{name} {holds} {count:g} NaN or infinite values{_spread(record)}{since}{after}"
        evidence = {"samples": list(record.get("first_nonfinite_samples") or ())[:10]}
        sure = 1.0 if proven else 0.9 if harmful or record.get("named") else 0.5
        where, at = str(record.get("model")), location_of(record, "data", "")
        yield Finding(message, where, step, count, 0.0, at, evidence, severity=severity, confidence=sure)
        return
    yield from _missing(inputs)
    for one in losses or ():
        count = number(one.get("target") or {}, "nonfinite")
        if count and (broken or proven) and one.get("phase") != "eval":
            message = f"the target of {one.get('function')} holds {count:g} NaN or infinite values: the loss follows"
            place, step = location_of(one, "target", ""), one.get("first_step")
            yield Finding(message, one.get("site"), step, count, 0.0, place, confidence=1.0)
            return


def _spread(record: Record) -> str:
    """In how many samples they are, and in which column most of them, where all of the data were looked at."""
    samples, column = number(record, "nonfinite_samples"), record.get("nonfinite_column")
    where = f", most of them in column {column}" if column is not None else ""
    return f" in {samples:g} of {number(record, 'samples') or 0:g} samples{where}" if samples else ""


def _missing(inputs: Facts) -> Iterator[Finding]:
    """Cells of a table without a value: no fault, unless nobody fills them in."""
    for record in inputs:
        count, columns = number(record, "missing"), [str(c) for c in record.get("missing_names") or ()]
        if count:
            message = f"{record.get('named')} miss {count:g} values ({listed(columns)}): as NaN they would break a net"
            yield Finding(message, record.get("split"), None, count, 0.0, severity="note", confidence=0.9)
