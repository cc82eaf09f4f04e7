"""A regression on standardised targets, whose outputs stay in the units of the targets."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held
from netvet.fixes.fix import fix
from netvet.fixes.in_place import free, target_array
from netvet.fixes.loss_calls import LossCall, loss_at
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable
from netvet.fixes.target_statistics import only_model, training_targets

FUNCTIONS = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
NAME = "in_target_units"
SEEN = "# mean and std of the training targets of one run: compute them anew for other data"


@fix(title="standardised targets", mends=("unscaled-target", "wrong-final-bias"), changes_loss=True)
def standardise_target(program: Program) -> Iterator[Editor]:
    """Train on the targets in units of their spread, around their mean; the model's outputs keep the targets' units.

    ## What it changes
    A forward hook of the model multiplies what its layers put out with the targets' spread and adds their mean: so the
    layers learn the standardised target, while evaluation and scores see the same units as before. What enters the
    training loss is divided by the spread. Mean and spread are computed of the training targets where it can be seen
    which variable these are and the loss is within its reach; else they are numbers of the run.

    ## Known problems
    The hook is no part of the state_dict: a program that loads the weights needs it, too. The training loss is printed
    in other units.

    ## References
    LeCun et al., "Efficient BackProp" (1998), 4.5.
    """
    target = training_targets(program)
    model, site = only_model(program)
    try:
        yield _computed(program, model, site)
    except NotApplicable:
        yield _with_numbers(program, model, site, float(target["mean"]), float(target["std"]))


def _with_numbers(program: Program, model: str, site: Site, mean: float, std: float) -> Editor:
    editor = program.editor("standardised targets")
    _scale(program, editor, f"{std:.4g}")
    sign = f"+ {mean:.4g}" if mean >= 0 else f"- {-mean:.4g}"
    code = f"def {NAME}(module, inputs, output):\n    return output * {std:.4g} {sign}\n"
    editor.begin(site.file, f"\n\n{SEEN}\n{code}\n\n")
    editor.insert(site.file, site.call, before=f"{model}.register_forward_hook({NAME})\n")
    return editor


def _computed(program: Program, model: str, site: Site) -> Editor:
    """With mean and spread that the program computes of its training targets.

    Raises:
        NotApplicable: it cannot be seen which variable they are, or the loss is computed elsewhere.
    """
    call = _call(program)
    file, target = (site.file, None) if call is None else (call.site.file, call.target())
    if call is None or target is None or file is not site.file:
        raise NotApplicable("the loss and the optimizer are not in one file")
    arrays = target_array(program, file, target)
    functions = [file.function(node) for node in (call.site.call, site.call)]
    if arrays.scope is not None and any(one is not arrays.scope for one in functions):
        raise NotApplicable("the targets are made in one function and the loss in another")
    if file.lines(arrays.place)[1] >= file.line(site.call):
        raise NotApplicable("the targets are made after the optimizer")
    mean, std = free(file, "target_mean", "target_std")
    editor = program.editor("standardised targets")
    code = arrays.code
    editor.insert(file, arrays.place, after=f"{mean}, {std} = float({code}.mean()), float({code}.std())\n")
    _scale(program, editor, std)
    hook = f"lambda module, inputs, output: output * {std} + {mean}"
    editor.insert(file, site.call, before=f"{model}.register_forward_hook({hook})\n")
    return editor


def _call(program: Program) -> LossCall | None:
    try:
        return loss_at(program, *FUNCTIONS)
    except NotApplicable:
        return None


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
