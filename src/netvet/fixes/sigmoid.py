"""A sigmoid of a single output."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import is_module
from netvet.fixes.fix import fix
from netvet.fixes.layers import is_layer
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable

NAMES = ("softmax", "Softmax", "softmax_")


@fix(title="a sigmoid of a single output", mends=("wrong-output-activation",), changes_loss=True)
def sigmoid(program: Program) -> Iterator[Editor]:
    """Put a sigmoid in the place of a softmax over one output.

    ## What it changes
    The layer or the call of the softmax: `nn.Softmax(dim=1)` becomes `nn.Sigmoid()`, and `F.softmax(x, 1)` becomes
    `x.sigmoid()`.

    ## References
    Goodfellow, Bengio, Courville, Deep Learning (2016), 6.2.2.2: sigmoid units for Bernoulli output distributions.
    """
    site = program.site(program.place, *NAMES)
    records = [r for r in program.facts("losses") if r.get("input_op") == "softmax" and r.get("phase") == "train"]
    shapes = [((r.get("input") or {}).get("shape") or [0], r.get("input_dim")) for r in records]
    if not any(isinstance(axis, int) and _is_single(shape, axis) for shape, axis in shapes):
        raise NotApplicable("the softmax is over more than one output")
    editor = program.editor("sigmoid in the place of softmax")
    if is_layer(site):
        module, dot, _ = site.code(site.call.func).rpartition(".")
        editor.replace(site.file, site.call, f"{module}{dot}Sigmoid()" if dot else "torch.nn.Sigmoid()")
        if not dot:
            editor.require(site.file, "torch", "import torch")
        yield editor
        return
    function = site.call.func
    method = isinstance(function, cst.Attribute) and not is_module(function.value, site.file)
    if not method and not site.call.args:
        raise NotApplicable(f"{site.code(site.call)} is given nothing")
    given = function.value if method and isinstance(function, cst.Attribute) else site.call.args[0].value
    code = site.code(given)
    simple = isinstance(given, (cst.Name, cst.Attribute, cst.Call, cst.Subscript))
    editor.replace(site.file, site.call, f"{code if simple else f'({code})'}.sigmoid()")
    yield editor


def _is_single(shape: list[int], axis: int) -> bool:
    """The axis has one element; one that is gone where the loss is called has been squeezed."""
    return axis >= len(shape) or (axis >= -len(shape) and shape[axis] == 1)
