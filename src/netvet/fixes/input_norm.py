"""Batch norm as the first layer."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.samples import assigns, targets, training_input
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, expression
from netvet.fixes.target_statistics import only_model

# What a model may be asked for without anybody seeing that it got a layer in front.
_ANY = {
    "parameters", "named_parameters", "train", "eval", "training", "to", "cuda", "cpu", "zero_grad", "state_dict",
    "load_state_dict", "requires_grad_", "modules", "apply", "float", "double",
}  # fmt: skip


@fix(title="batch norm before the first layer", mends=("unscaled-input", "uncentred-input"))
def input_norm(program: Program) -> Iterator[Editor]:
    """Let a batch norm be the first layer, so that the net standardises its inputs itself.

    ## What it changes
    One layer at the head of an `nn.Sequential`; a model of another class becomes the second part of a `Sequential`,
    where nothing but its parameters, mode, device and state is asked for.

    ## Known problems
    Small batches give noisy statistics, and the model mixes the samples of a batch while it trains. Weights that were
    saved before no longer fit. `standardise` does the same with exact statistics.

    ## References
    Ioffe and Szegedy, "Batch normalization" (2015), section 3.
    """
    record = training_input(program)
    shape = list(record.get("shape") or ())
    if len(shape) not in (2, 4) or record.get("position") != 0:
        raise NotApplicable("the inputs are neither a table nor images")
    name, site = only_model(program)
    file = site.file
    if not any(f".{mode}(" in file.text for mode in ("eval", "train")):
        raise NotApplicable("the program never puts the model into evaluation mode, which a batch norm needs")
    made = [a for a in assigns(file) if targets(a) == [name] and file.function(a) is file.function(site.call)]
    value = made[0].value if len(made) == 1 else None
    if not isinstance(value, cst.Call) or any(r.get("kind") == "load_state_dict" for r in program.facts("checkpoints")):
        raise NotApplicable("the model is not made by one call beside its optimizer, or gets saved weights")
    package = "nn" if "nn" in file.imported else "torch.nn"
    layer = f"{package}.BatchNorm{1 if len(shape) == 2 else 2}d({shape[1]})"
    editor = program.editor("batch norm before the first layer")
    if called(value) == "Sequential" and value.args and not value.args[0].star:
        _unseen(file, name, set())
        editor.change(file, value, lambda old: _with_first(old, layer))
    else:
        _unseen(file, name, _ANY)
        editor.replace(file, value, f"{package}.Sequential({layer}, {{}})")
    yield editor


def _with_first(old: cst.CSTNode, layer: str) -> cst.CSTNode:
    assert isinstance(old, cst.Call)
    comma = old.args[0].comma  # one layer a line: the new one as the others
    if not isinstance(comma, cst.Comma):
        comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return old.with_changes(args=[cst.Arg(expression(layer), comma=comma), *old.args])


def _unseen(file: SourceFile, name: str, known: set[str]) -> None:
    """That layers of the model are not reached by number, and (if any are known) nothing else is asked of it."""
    for node in file.nodes(cst.Name):
        above = file.parent(node)
        if node.value != name or (isinstance(above, cst.Attribute) and above.attr is node):
            continue
        asked = isinstance(above, cst.Attribute) and known and above.attr.value not in known
        if asked or (isinstance(above, cst.Subscript) and above.value is node):
            raise NotApplicable(f"layers of {name} are used by themselves at line {file.line(node)}")
