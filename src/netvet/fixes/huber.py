"""A loss that grows more slowly, where the error was clamped."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.clamped_losses import CLAMPS, clamp_at, without_bound
from netvet.fixes.edits import is_module
from netvet.fixes.fix import fix
from netvet.fixes.loss_calls import change_loss, loss_calls
from netvet.fixes.program import Program, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called


@fix(title="Huber loss in the place of a clamped one", mends=("clipped-loss", "noisy-loss"), changes_loss=True)
def huber(program: Program) -> Iterator[Editor]:
    """Use the Huber loss, which grows linearly with large errors, where a squared error is clamped.

    ## What it changes
    The clamp goes. Of `MSELoss`, `HuberLoss` takes the place, in training. Of a clamped difference of two numbers that
    is squared, `huber_loss` of the two, with the bound of the clamp as its `delta`.

    ## Known problems
    Half of a small squared error is the loss: the numbers are not those of before.

    ## References
    Huber, "Robust estimation of a location parameter" (1964); the documentation of `torch.nn.HuberLoss`.
    """
    site = clamp_at(program) if program.finding and program.finding.location and _clamps(program) else None
    editor = program.editor("Huber loss")
    difference = _difference(site) if site is not None else None
    if site is not None and difference is not None:
        _written_out(editor, site, difference)
        yield editor
        return
    calls = [c for c in loss_calls(program, "mse_loss", training=True) if c.made is not None or c.plain]
    if not calls:
        raise NotApplicable("the loss that is clamped is no squared error of PyTorch")
    if site is not None:
        without_bound(editor, site)
    change_loss(editor, calls, "huber_loss")
    yield editor


def _clamps(program: Program) -> bool:
    file, line = program.file(program.place)
    return bool(file.calls(line, *CLAMPS))


def _difference(site: Site) -> cst.BinaryOperation | None:
    """`a - b` of `(a - b).clamp(-1, 1)` and of `torch.clamp(a - b, -1, 1)`."""
    function = site.call.func
    method = isinstance(function, cst.Attribute) and not is_module(function.value, site.file)
    given = function.value if method and isinstance(function, cst.Attribute) else site.call.args[0].value
    minus = isinstance(given, cst.BinaryOperation) and isinstance(given.operator, cst.Subtract)
    return given if minus and isinstance(given, cst.BinaryOperation) else None


def _written_out(editor: Editor, site: Site, difference: cst.BinaryOperation) -> None:
    """Huber's loss of both, element by element, in the place of the squared and clamped difference."""
    squared = _squared(site.file, site.call)
    if squared is None:
        raise NotApplicable(f"{site.code(site.call)} is not squared on its line")
    bounds = [a.value for a in site.call.args if not a.value.deep_equals(difference)]
    delta = site.code(bounds[-1]) if bounds else "1.0"
    left, right = site.code(difference.left), site.code(difference.right)
    loss = f'torch.nn.functional.huber_loss({left}, {right}, delta={delta}, reduction="none")'
    editor.replace(site.file, squared, loss)
    editor.require(site.file, "torch", "import torch")


def _squared(file: SourceFile, call: cst.Call) -> cst.BaseExpression | None:
    above = file.parent(call)
    if isinstance(above, cst.BinaryOperation) and isinstance(above.operator, cst.Power) and above.left is call:
        return above
    outer = file.parent(above) if isinstance(above, cst.Attribute) else None
    return outer if isinstance(outer, cst.Call) and called(outer) in ("square", "pow") else None
