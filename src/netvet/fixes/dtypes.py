"""What a run that ended on a data type says of it, and the tensors that met there."""

from __future__ import annotations

import re

import libcst as cst

from netvet.fixes.loss_calls import pick
from netvet.fixes.program import Program, argument
from netvet.fixes.source import NotApplicable, SourceFile

# Losses of classes, whose targets are whole numbers; all others want floats.
_CLASSES = ("cross_entropy", "nll_loss", "CrossEntropyLoss", "NLLLoss")


def complaint(program: Program) -> str:
    """What PyTorch said when the run ended.

    Raises:
        NotApplicable: it ended otherwise.
    """
    said = [str(r["exception"]) for r in program.facts("run") if r.get("exception")]
    found = [s for s in said if re.search(r"dtype|scalar type|not implemented for '|floating point type", s)]
    if len(found) != 1:
        raise NotApplicable("the run did not end on a data type")
    return found[0]


def loss_line(program: Program) -> tuple[SourceFile, cst.Call]:
    """The call of the loss that ended the run.

    Raises:
        NotApplicable: it did not end in a loss.
    """
    runs = [r for r in program.facts("run") if r.get("exception_file")]
    if len(runs) != 1:
        raise NotApplicable("the line that ended the run is not known")
    file, line = program.file(runs[0], "exception_")
    call = None
    for name in ("cross_entropy", "nll_loss", "binary_cross_entropy_with_logits", "binary_cross_entropy", "mse_loss"):
        call = call or pick(file, line, name, None)
    if call is None or argument(call, "target", 1) is None:
        raise NotApplicable("the run did not end in the call of a loss")
    return file, call


def model_calls(program: Program) -> list[tuple[SourceFile, cst.Call]]:
    """The calls of models that the run has seen, with those by the same name in the same files.

    Raises:
        NotApplicable: none stands in a file of the program.
    """
    found: list[tuple[SourceFile, cst.Call]] = []
    for one in program.facts("inputs"):
        try:
            file, line = program.file(one)
        except NotApplicable:
            continue
        names = {name for name, _ in program.models} | {"model", "net"}
        for call in file.calls(line):
            if file.code(call.func) in names:
                found += [(file, c) for c in file.nodes(cst.Call) if file.code(c.func) == file.code(call.func)]
                break
    if not found:
        raise NotApplicable("where the model is called is not known")
    return found
