"""Patients, users or files in two splits."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Severity, check
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    measures="samples of known groups [share]",
    fixes={"split-by-group": "Split groups, not samples (GroupShuffleSplit, GroupKFold): all of a group on one side."},
)
def group_overlap(
    group_overlap: Facts,
    *,
    alike: float = 0.5,  # kappa or r2 of what groups tell of targets; users of recommenders and subjects: 0.1 to 0.3
) -> Iterator[Finding]:
    """Samples of one group (a patient, a user, a source file) are in the training data and held out as well.

    ## Why it matters
    Samples of one group are alike. A net that knows the patient knows the diagnosis, and the score says nothing of
    patients that it has not seen.

    ## Example
    >>> from netvet.core import Facts
    >>> seen = {"train": "train", "split": "val", "column": "patient", "said": True, "groups": 40, "shared": 12}
    >>> group_overlap(Facts.of({**seen, "samples": 200, "shared_samples": 60}))[0].message
    '12 of 40 groups (patient) of val are also in train: 60 of 200 samples are scored on what is known'

    ## Known problems
    Only a column that the user named is an error. One with the name of an id is a warning where the targets that a
    group has in training tell those held out (a patient has one diagnosis), and the splits look like random parts of
    one data set, not like two times; else a note: recommenders and forecasts meet the same users and shops again.

    ## References
    Kapoor and Narayanan, Leakage and the reproducibility crisis (2023), L3.2; scikit-learn, GroupKFold.
    """
    for record in group_overlap:
        shared, groups = number(record, "shared"), number(record, "groups")
        if not shared or not groups:
            continue
        count, samples = number(record, "shared_samples") or 0.0, number(record, "samples") or 1.0
        said, split = record.get("said") is True, str(record.get("split"))
        told = number(record, "alike")
        shown = told is not None and told >= alike and record.get("random") is not False
        severity: Severity = "error" if said else "warning" if shown else "note"
        what = "are scored on what is known" if said else "are (is that meant? --group says what must not be)"
        if shown and not said:
            what = f"are, and the targets of their group in {record.get('train')} tell theirs (agreement {told:.2g})"
        message = (
            f"{shared:g} of {groups:g} groups ({record.get('column')}) of {split} are also in {record.get('train')}: "
            f"{count:g} of {samples:g} samples {what}"
        )
        evidence = {"examples": list(record.get("examples") or ())[:10]}
        sure = 1.0 if said else 0.7 if shown else 0.3
        yield Finding(message, split, None, count / samples, 0.0, None, evidence, severity=severity, confidence=sure)
