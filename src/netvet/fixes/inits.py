"""How weights begin: lines that draw them anew before training, and lines that set them."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

LAYERS = ("Linear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d")
BIAS = "\n        if module.bias is not None:\n            torch.nn.init.{call}"


def where(program: Program) -> tuple[list[str], Site]:
    """The models as they are written where the first optimizer is made, and that place.

    Raises:
        NotApplicable: they have no name there, or hold weights that were loaded.
    """
    if any(p.get("loaded") for p in program.facts("parameters")):
        raise NotApplicable("the weights are loaded from a file, and would be lost")
    try:
        named = [(name, site) for name, site in program.models if "(" not in name]
    except NotApplicable:
        named = []
    if not named:
        site = program.optimizers[0]
        around = site.file.function(site.call) or site.file.module
        calls = [c for c in site.file.nodes(cst.Call) if called(c) == "parameters" and _within(site.file, c, around)]
        named = [(site.code(c.func.value), site) for c in calls if isinstance(c.func, cst.Attribute)]
        named = [(name, site) for name, site in named if "(" not in name]
    site = named[0][1] if named else program.optimizers[0]
    names = list(dict.fromkeys(name for name, its in named if its is site))
    if not names or len(names) < len({name for name, _ in named}):
        raise NotApplicable("the model has no name where its optimizer is made")
    return names, site


def _within(file: SourceFile, node: cst.CSTNode, around: cst.CSTNode) -> bool:
    return any(above is around for above in file.around(node, cst.FunctionDef, cst.Module))


def before_optimizer(editor: Editor, program: Program, code: str) -> None:
    """Put lines before the optimizer is made; `{model}` in them is the model's name there.

    Raises:
        NotApplicable: the model has no single name there.
    """
    names, site = where(program)
    if "{model}" in code and len(names) > 1:
        raise NotApplicable("the optimizer holds several models, and which is meant is not known")
    editor.insert(site.file, site.call, before=code.replace("{model}", names[0]))
    editor.require(site.file, "torch", "import torch")


def for_layers(editor: Editor, program: Program, weight: str, bias: str = "zeros_(module.bias)") -> None:
    """Draw the weights of all linear and convolutional layers anew before the optimizer is made.

    Args:
        weight: the call in `torch.nn.init` that draws `module.weight`, empty for none; `bias`: that sets the bias.

    Raises:
        NotApplicable: there are none, or the model has no name there.
    """
    names, site = where(program)
    kinds = [k for k in LAYERS if any(m.get("cls") == k for m in program.facts("modules"))]
    if not kinds:
        raise NotApplicable("the model has no linear and no convolutional layer")
    types = [f"torch.nn.{kind}" for kind in kinds]
    test = types[0] if len(types) == 1 else f"({', '.join(types)})"
    over = f"{names[0]}.modules()" if len(names) == 1 else f"({', '.join(f'*{n}.modules()' for n in names)})"
    body = f"\n        torch.nn.init.{weight}" if weight else ""
    body += BIAS.format(call=bias) if bias else ""
    code = f"for module in {over}:\n    if isinstance(module, {test}):{body}\n"
    if any(n.value == "module" for n in site.file.nodes(cst.Name)):
        code = code.replace("module.", "layer.").replace("module in", "layer in").replace("(module,", "(layer,")
    editor.insert(site.file, site.call, before=code)
    editor.require(site.file, "torch", "import torch")


def he_init_all(editor: Editor, program: Program) -> None:
    """He et al., for layers in front of ReLU; biases zero."""
    for_layers(editor, program, 'kaiming_normal_(module.weight, nonlinearity="relu")')


def setting_lines(program: Program, wanted: Sequence[Record]) -> list[tuple[SourceFile, int]]:
    """Lines of the program that set these parameters before training, each once.

    Raises:
        NotApplicable: none is known.
    """
    found: list[tuple[SourceFile, int]] = []
    for one in wanted:
        if one.get("init_file"):
            place = program.file(one, "init_")
            if place not in found:
                found.append(place)
    if not found:
        raise NotApplicable("no line of the program sets these weights")
    return found


def remove_lines(editor: Editor, lines: Sequence[tuple[SourceFile, int]]) -> None:
    """Take statements out, and blocks of which nothing is left.

    Raises:
        NotApplicable: something else than setting values happens there.
    """
    gone: list[cst.CSTNode] = []
    for file, line in lines:
        statement = file.statement(line)
        if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
            raise NotApplicable("the line that sets the weights is no statement of its own")
        only = statement.body[0]
        target = file.code(only.targets[0].target) if isinstance(only, cst.Assign) else ""
        if not isinstance(only, cst.Expr) and not target.endswith(".data"):
            raise NotApplicable("the line that sets the weights makes them, too")
        gone.append(statement)
    for file, _ in lines:
        for whole in _emptied(file, gone):
            editor.remove(file, whole)


def _emptied(file: SourceFile, gone: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
    """What is to be removed so that no block without statements stays; each outermost node once."""
    left = [node for node in gone if file.parent(node) is not None]
    grown = True
    while grown:
        grown = False
        for node in list(left):
            block = file.parent(node)
            holder = file.parent(block) if isinstance(block, cst.IndentedBlock) else None
            plain = isinstance(holder, (cst.With, cst.For)) or (isinstance(holder, cst.If) and holder.orelse is None)
            if not plain or holder is None or isinstance(file.parent(holder), cst.If):
                continue
            assert isinstance(block, cst.IndentedBlock)
            if all(any(one is n for n in left) for one in block.body):
                left = [n for n in left if not any(n is one for one in block.body)] + [holder]
                grown = True
                break
    return left
