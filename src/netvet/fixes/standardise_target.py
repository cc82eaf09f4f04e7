"""A regression on standardised targets, whose outputs stay in the units of the targets."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import loss_at
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.target_statistics import only_model, training_targets

FUNCTIONS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
NAME = "in_target_units"


@fix(title="standardised targets", mends=("unscaled-target", "wrong-final-bias"), changes_loss=True)
def standardise_target(program: Program) -> Iterator[Editor]:
    """Train on the targets in units of their spread, around their mean; the model's outputs keep the targets' units.

    ## What it changes
    A forward hook of the model multiplies what its layers put out with the targets' spread and adds their mean: so the
    layers learn the standardised target, while evaluation and scores see the same units as before. What enters the
    training loss is divided by the spread. Mean and spread are numbers of the run.

    ## Known problems
    The hook is no part of the state_dict: a program that loads the weights needs it, too. The training loss is printed
    in other units.

    ## References
    LeCun et al., "Efficient BackProp" (1998), 4.5.
    """
    target = training_targets(program)
    mean, std = float(target["mean"]), float(target["std"])
    model, site = only_model(program)
    editor = program.editor("standardised targets")
    _scale(program, editor, f"{std:.4g}")
    sign = f"+ {mean:.4g}" if mean >= 0 else f"- {-mean:.4g}"
    editor.begin(site.file, f"\n\ndef {NAME}(module, inputs, output):\n    return output * {std:.4g} {sign}\n\n")
    editor.insert(site.file, site.call, before=f"{model}.register_forward_hook({NAME})\n")
    yield editor


def _scale(program: Program, editor: Editor, std: str) -> None:
    """What enters the loss is divided by the spread: both arguments of a call, or a difference that is written out.

    Raises:
        NotApplicable: it is neither.
    """
    try:
        call = loss_at(program, *FUNCTIONS)
    except NotApplicable:
        records = [r for r in program.facts("losses") if r.get("phase") == "train" and r.get("function") in FUNCTIONS]
        file, line = program.file(records[0] if len(records) == 1 else {})
        minus = [b for b in file.at(line, cst.BinaryOperation) if isinstance(b.operator, cst.Subtract)]
        if len(minus) != 1 or not minus[0].lpar:
            raise
        editor.replace(file, minus[0], f"({{}} / {std})")
        return
    for node in (call.input(), call.target()):
        editor.replace(call.site.file, node, f"{held(node)} / {std}")
