"""Columns that were made of the target, or after it."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check
from netvet.stats import number

_WHY = {
    "code": "it has practically one value for each class, as if it were made of the target",
    "missing": "which samples have a value is decided by the class, as if it were filled in after the target was known",
    "later": "one class has a single value there that no other has, as if it were filled in after the target was known",
    "counter": "it numbers the rows, and these are sorted by the target",
    "function": "the target is a smooth function of it, without any noise",
}


@check(
    stage="data",
    kind="cause",
    severity="warning",
    since="0.1",
    measures="skill of the column alone [share]",
    explained_by=("target-in-input",),
    fixes={"drop-column": "Leave out the column, unless it is known before the target is, in real use as well."},
)
def leaking_feature(feature_leaks: Facts) -> Iterator[Finding]:
    """A column of the input gives the target away.

    ## Why it matters
    The net learns to read that column and nothing else. Training, validation and test agree on a score that real use,
    where the column is empty or made later, never sees.

    ## Example
    >>> from netvet.core import Facts
    >>> leak = {"split": "train", "column": "outcome_code", "alone": 1.0, "next": 0.41, "next_column": "age"}
    >>> leaking_feature(Facts.of({**leak, "how": "code", "task": "classification"}))[0].message[:71]
    'column outcome_code alone predicts the target (skill 1, age 0.41 as the'

    ## Known problems
    A good feature is no leak: petal length, a threshold on one column, a well separated cluster. Only what good
    features do not do is a warning: one value a class, values that are missing for whole classes, a number of the row,
    an exact function. A column that decides the target alone in another way is a note, as from the numbers a copy of
    the target with errors cannot be told from a strong feature.

    ## References
    Kaufman, Rosset and Perlich, Leakage in Data Mining, KDD 2011. No warning on 110 clean sets (iris, wine, digits,
    breast cancer, diabetes, generated ones) and on 320 sets of clusters.
    """
    for record in feature_leaks:
        alone, second, how = number(record, "alone"), number(record, "next") or 0.0, str(record.get("how"))
        if alone is None:
            continue
        unit = "r2" if record.get("task") == "regression" else "skill"
        named = record.get("identifier") is True  # a name of the rows, which need not enter the net
        severity: Severity = "warning" if how in _WHY and not named else "note"
        column, other = record.get("column"), record.get("next_column")
        why = _WHY.get(how, "a strong feature, or a copy of the target: was it known before the target?")
        if how in ("missing", "later"):
            message = f"column {column} gives a class away: {why}"
        else:
            score = f"{unit} {alone:.2g}, {other} {second:.2g} as the next best"
            message = f"column {column} alone predicts the target ({score}): {why}"
        evidence = {"all_together": record.get("all_together"), "samples": record.get("samples"), "how": how}
        sure = 0.9 if how in _WHY else 0.4
        where = str(column)
        yield Finding(message, where, None, alone, second, None, evidence, severity=severity, confidence=sure)
