"""Log-probabilities for a loss that wants them."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import rename
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import LossCall, change_loss, loss_at, loss_calls
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable

FUNCTIONS = ("nll_loss", "kl_div", "ctc_loss")


@fix(title="log-probabilities for the loss", mends=("logits-as-probabilities",), changes_loss=True)
def log_softmax(program: Program) -> Iterator[Editor]:
    """Give a loss that wants log-probabilities what it wants.

    ## What it changes
    Raw outputs in `NLLLoss`: it becomes `CrossEntropyLoss`, which applies log-softmax itself, in training and
    evaluation. Probabilities of a softmax: the softmax becomes log-softmax. Raw outputs in another loss of this kind:
    log-softmax over the last axis is applied where they enter it (of `ctc_loss` and `kl_div`, the classes).

    ## Known problems
    Where the program shows probabilities that were a softmax before, it must take their exponential.

    ## References
    The documentation of `torch.nn.NLLLoss` and `torch.nn.CrossEntropyLoss`.
    """
    call = loss_at(program, *FUNCTIONS)
    calls = [c for c in loss_calls(program, call.function) if _raw(c)]
    editor = program.editor("log-probabilities for the loss")
    if call.record.get("input_op") == "softmax":
        kind = next((k for k in ("input_created_", "input_") if call.record.get(f"{k}file")), "input_")
        site = program.site(call.record, "softmax", "Softmax", prefix=kind)
        layer = site.code(site.call.func).rpartition(".")[2][:1].isupper()
        name, package = ("LogSoftmax", "torch.nn") if layer else ("log_softmax", "torch")
        rename(editor, site, name, package)
    elif call.function == "nll_loss":
        editor.what = "cross-entropy of the raw outputs"
        change_loss(editor, calls, "cross_entropy")
    else:
        for one in calls:
            _wrap(editor, one)
    yield editor


def _raw(call: LossCall) -> bool:
    """It is not given log-probabilities already."""
    share = call.record.get("rows_are_log_probabilities")
    if call.trains and isinstance(share, float) and share > 0.5:
        raise NotApplicable("log-probabilities enter the loss already")
    return call.made is not None or not isinstance(share, float) or share <= 0.5


def _wrap(editor: Editor, call: LossCall) -> None:
    given: cst.BaseExpression = call.input()
    editor.replace(call.site.file, given, "torch.log_softmax({}, dim=-1)")
    editor.require(call.site.file, "torch", "import torch")
