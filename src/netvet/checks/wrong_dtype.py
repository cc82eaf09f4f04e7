"""Tensors of a data type that a layer or the loss does not take."""

from __future__ import annotations

import re
from collections.abc import Iterator

from netvet.core import Facts, Finding, Location, check

# What torch says; "same device" errors name tensor types, too, but with and without cuda.
_RAISED = re.compile(
    r"expected (?:scalar type|dtype) .{1,40}(?:but (?:found|got)|for)|must have the same dtype|to have the same dtype"
    r"|Found dtype \w+ but expected|Expected floating point type for target|one of the following scalar types"
    r"|not implemented for '(?:Int|Long|Byte|Short|Char|Bool|Float|Double|Half)'"
    r"|can't be cast to the desired output type",
    re.IGNORECASE,
)


@check(
    stage="data",
    kind="cause",
    severity="error",
    since="0.1",
    fixes={
        "float-inputs": "Convert inputs to float32 (x.float()); numpy arrays are float64 unless told otherwise.",
        "long-labels": "Class numbers and token ids are int64 (y.long()); targets of BCE and MSE are floats.",
    },
)
def wrong_dtype(run: Facts) -> Iterator[Finding]:
    """The run ended because a tensor had the wrong data type.

    ## Why it matters
    Layers want inputs of the type of their weights, embeddings and class losses want whole numbers, all other losses
    want floats.

    ## Example
    >>> from netvet.core import Facts
    >>> wrong_dtype(Facts.of({"exception": "RuntimeError: expected scalar type Long but found Float"}))[0].message
    'the run ended on a tensor of the wrong data type: expected scalar type Long but found Float'

    ## Known problems
    Models in float64 or half precision are fine, and tensors on different devices are another fault: silent.

    ## References
    PyTorch, torch.dtype and the descriptions of target in cross_entropy and binary_cross_entropy.
    """
    for record in run:
        text = str(record.get("exception") or "")
        if not _RAISED.search(text) or ("cuda" in text.lower() and "dtype" not in text.lower()):
            continue
        file, line = record.get("exception_file"), record.get("exception_line")
        place = Location(str(file), int(line)) if file and line else None
        said = text.partition(": ")[2] or text
        message = f"the run ended on a tensor of the wrong data type: {said.splitlines()[0][:200]}"
        yield Finding(message, None, record.get("steps"), location=place, confidence=0.95)
