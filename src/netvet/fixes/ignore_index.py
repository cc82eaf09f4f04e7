"""Padding left out of the loss."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import set_argument
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import LossCall, beside, holders, loss_calls
from netvet.fixes.outputs import source
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, called

FUNCTIONS = ("cross_entropy", "nll_loss")
# What PyTorch ignores where nothing is said.
IGNORED = -100


@fix(title="padding left out of the loss", mends=("padding-in-loss", "ignored-mask"), changes_loss=True)
def ignore_index(program: Program) -> Iterator[Editor]:
    """Let the loss ignore padded positions.

    ## What it changes
    Where targets and inputs share one vocabulary: `ignore_index` of the loss is the number that stands for padding.
    Else, where targets are padded by `pad_sequence`: they are padded with -100. Else: where the model's input is
    padding, the target that enters the loss is -100.

    ## Known problems
    Scores that count padded positions of the targets must leave them out, too.

    ## References
    The documentation of `torch.nn.CrossEntropyLoss`, ignore_index.
    """
    probes = [r for r in program.facts("mask_probe") if r.get("pad_value") is not None]
    calls = loss_calls(program, *FUNCTIONS)
    call = next(c for c in calls if c.trains)
    if not probes:
        raise NotApplicable("what stands for padding is not known")
    pad = int(probes[0]["pad_value"])
    failed: NotApplicable | None = None
    makers = [_by_vocabulary] if _one_vocabulary(program, call.record) else [_by_padding, _by_input]
    for maker in makers:
        try:
            yield maker(program, call, pad)
        except NotApplicable as error:
            failed = error
            continue
        failed = None
        break
    if failed is not None:
        raise failed


def _one_vocabulary(program: Program, loss: Record) -> bool:
    rows = [r.get("embedding_rows") for r in program.facts("inputs") if r.get("embedding_rows")]
    return loss.get("classes") in rows


def _by_vocabulary(program: Program, call: LossCall, pad: int) -> Editor:
    editor = program.editor(f"ignore_index {pad}")
    for site in holders(beside(program, call)):
        set_argument(editor, site, "ignore_index", str(pad))
    return editor


def _by_padding(program: Program, call: LossCall, pad: int) -> Editor:
    """`padding_value=-100` of the call that pads the targets, and only them."""
    file, line = program.file(call.record, "target_")
    found = file.calls(line, "pad_sequence")
    inputs = [(r.get("data_file"), r.get("data_line")) for r in program.facts("inputs")]
    if len(found) != 1 or (call.record.get("target_file"), call.record.get("target_line")) in inputs:
        raise NotApplicable("the targets are not padded by a call of their own")
    editor = program.editor(f"targets padded with {IGNORED}")
    set_argument(editor, Site(file, found[0], call.record), "padding_value", str(IGNORED), 2)
    return editor


def _by_input(program: Program, call: LossCall, pad: int) -> Editor:
    """`y.masked_fill(x == 0, -100)` for the target that enters the loss."""
    editor = program.editor("targets of padded inputs ignored")
    for one in beside(program, call):
        made = source(one.site.file, one.input())
        given = made.args[0].value if isinstance(made, cst.Call) and len(made.args) >= 1 else None
        if not isinstance(given, cst.Name):
            raise NotApplicable("what the model was given has no name where the loss is computed")
        target = one.target()
        shaped = isinstance(target, cst.Call) and called(target) in ("flatten", "view", "reshape")
        flat = shaped and len((one.record.get("target") or {}).get("shape") or ()) == 1
        mask = f"({given.value} == {pad})" + (".flatten()" if flat else "")
        editor.replace(one.site.file, target, f"{{}}.masked_fill({mask}, {IGNORED})")
    return editor
