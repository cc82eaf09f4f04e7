"""The loss with its right sign."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.signs import flip_loss
from netvet.fixes.source import Editor, NotApplicable


@fix(title="the sign of the loss turned", mends=("negated-loss", "growing-weights"), changes_loss=True)
def remove_minus(program: Program) -> Iterator[Editor]:
    """Turn the sign of the loss, or of a penalty on the weights that is subtracted from it.

    ## What it changes
    The minus sign before the loss is taken away; of a log-likelihood that is minimised one is put there; a penalty
    that is subtracted is added.

    ## Known problems
    Values that are printed as the loss change their sign with it.

    ## References
    The documentation of `torch.optim.Optimizer`: optimizers minimise, unless `maximize` is set.
    """
    editor = program.editor("the sign of the loss turned")
    if not _add_penalty(program, editor):
        training = [r for r in program.facts("losses") if r.get("phase") == "train"]
        wrong = any((r.get("factor") or 0) < 0 for r in training)
        if not wrong and all(c.get("descends_toward_target") is not False for c in program.facts("loss_contract")):
            raise NotApplicable("the loss has the right sign, as far as was seen")
        flip_loss(program, editor)
    yield editor


def _add_penalty(program: Program, editor: Editor) -> bool:
    """A term that only weights are in, with a minus sign before it."""
    penalties = [t for t in program.facts("loss_terms") if t.get("is_data") is False and t.get("away_from_zero") == 1]
    if not penalties:
        return False
    file, line = program.file(penalties[0])
    for one in file.at(line, cst.BinaryOperation):
        if isinstance(one.operator, cst.Subtract):
            editor.change(file, one.operator, lambda _: cst.Add())
            return True
    for assigned in file.at(line, cst.AugAssign):
        if isinstance(assigned.operator, cst.SubtractAssign):
            editor.change(file, assigned.operator, lambda _: cst.AddAssign())
            return True
    return False
