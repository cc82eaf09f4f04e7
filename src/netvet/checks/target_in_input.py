"""Inputs that hold the answer."""

from __future__ import annotations

from collections.abc import Iterator

from netvet.core import Facts, Finding, Record, Severity, check, location_of
from netvet.stats import number


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "shift-target": "Predict the next element: the target is the sequence shifted by one.",
        "drop-column": "Remove the target, and whatever is computed from it, from the input.",
    },
)
def target_in_input(
    target_in_input: Facts, inputs: Facts | None = None, losses: Facts | None = None
) -> Iterator[Finding]:
    """The target can be copied from the input.

    ## Why it matters
    The net learns to copy. The loss goes to zero in training and validation alike, and on real use, where the answer
    is not part of the input, nothing is left.

    ## Example
    >>> from netvet.core import Facts
    >>> target_in_input(Facts.of({"model": "Net", "column": 7}))[0].message
    'column 7 of the input of Net equals the target: the net need only copy it'

    ## Known problems
    Autoencoders and denoisers are meant to give their input back, nets with a memory the beginning of a sequence, and
    targets that are an exact linear map of several columns, or of the only one, occur in exercises: silent.

    ## References
    Kaufman et al., Leakage in Data Mining (2012); measured on a character model: perplexity 1.002.
    """
    for record in target_in_input:
        if record.get("autoencoder") is True:
            continue
        model, column = record.get("model"), record.get("column")
        column_found = column is not None and not isinstance(column, bool)
        if column_found:
            message = f"{_what(record)}: the net need only copy it"
        elif record.get("shifted_identity") is True:
            message = f"the target of {model} equals its input at the same position: the net need only copy it"
        elif (
            record.get("identical") is True
            and record.get("autoencoder") is False
            and record.get("task") != "regression"
        ):
            message = f"the target of {model} equals its input: the net need only copy it"
        else:
            continue
        # A column is one too many in the input; a target that all of the input equals, or a window ends at, was not
        # shifted.
        window = number(record, "step") is not None
        made = (x for x in inputs or () if x.get("model") == model) if column_found and not window else losses or ()
        kinds = ("chosen", "data", "") if column_found and not window else ("target", "")
        trained = [x for x in made if x.get("phase") == "train"]
        place = location_of(trained[0], *kinds) if len(trained) == 1 else None
        # An exercise may have such a target; of data it is rarely exactly so.
        severity: Severity = "warning" if column_found and record.get("scaled") else "error"
        sure = 0.7 if severity == "warning" else 0.9
        place = place or location_of(record)
        # A column of a table is no element of a sequence.
        apply = ("drop-column",) if column_found and not window else ()
        yield Finding(message, str(model), 0, location=place, severity=severity, confidence=sure, fixes=apply)


def _what(record: Record) -> str:
    step, steps = number(record, "step"), number(record, "steps")
    at = f" at step {step:g} of {steps:g}" if step is not None and steps is not None else ""
    relation = "is a multiple of the target plus a constant" if record.get("scaled") else "equals the target"
    return f"column {record.get('column')} of the input of {record.get('model')}{at} {relation}"
