"""Maxout in the place of ReLU."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held, is_module, package, set_argument
from netvet.fixes.fix import fix
from netvet.fixes.graph import Graph, graphs
from netvet.fixes.modules import made_by, module_named, size
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.samples import unused
from netvet.fixes.source import Editor, NotApplicable, expression, last_name

PIECES = 2  # Goodfellow et al. (2013), table 1 ff.: two to five; two cost least
FUNCTION = f'''

def {{name}}(x, dim):
    """The larger of the two values that a layer gives for each unit."""
    return torch.stack(x.chunk({PIECES}, dim=dim)).amax(0)
'''
CLASS = f'''

class Maxout({{package}}.Module):
    """The larger of the two values that a layer gives for each unit."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        return torch.stack(x.chunk({PIECES}, dim=self.dim)).amax(0)
'''


@fix(title="maxout in the place of ReLU", mends=("dead-relu", "zero-gradient"), cost="time")
def maxout(program: Program) -> Iterator[Editor]:
    """Give each unit two linear functions and take the larger of them in the place of a ReLU.

    ## What it changes
    The layers in front of each ReLU get twice the outputs, and `Maxout`, a class of a few lines that is put in front of
    the model, takes the place of the ReLU.

    ## Known problems
    Layers in front of ReLUs hold twice the weights. Where a norm stands between, it does not apply.

    ## References
    Goodfellow et al., "Maxout networks" (2013).
    """
    pairs = list(_pairs(program))
    layers = [layer for layer, _ in pairs]
    editor = program.editor("maxout in the place of ReLU")
    for site, records in made_by(program, layers):
        name = "out_features" if records[0].get("cls") == "Linear" else "out_channels"
        set_argument(editor, site, name, _doubled(size(site, records[0])), 1)
    file = None
    done: list[cst.Call] = []
    for layer, site in pairs:
        if file is not None and site.file is not file:
            raise NotApplicable("ReLUs stand in several files")
        file = site.file
        if not any(site.call is one for one in done):
            done.append(site.call)
            _replace(editor, site, -1 if layer.get("cls") == "Linear" else 1)
    assert file is not None
    place = next((s for s in file.module.body if isinstance(s, (cst.ClassDef, cst.FunctionDef))), None)
    kinds = {_is_class(call) for call in done}
    code = (CLASS.format(package=package(file)) if True in kinds else "") + (
        FUNCTION.format(name=unused(file, "maxout")) if False in kinds else ""
    )
    editor.insert(file, place or file.statement_of(pairs[0][1].call), before=code)
    editor.require(file, "torch", "import torch")
    yield editor


def _doubled(code: str) -> str:
    return str(PIECES * int(code)) if code.isdigit() else f"{PIECES} * " + held(expression(code)).format(code)


def _pairs(program: Program) -> Iterator[tuple[Record, Site]]:
    """Layers and the ReLU behind each.

    Raises:
        NotApplicable: something else stands between, or a layer is followed by something else, too.
    """
    seen: set[str] = set()
    for graph in graphs(program):
        for node in graph.nodes.values():
            if node.get("op") != "Relu":
                continue
            name = _layer(graph, node)
            if name not in seen:
                seen.add(name)
                yield module_named(program, name), _site(program, node)
    if not seen:
        raise NotApplicable("no ReLU stands behind a layer")


def _layer(graph: Graph, node: Record) -> str:
    below = [graph.nodes[i] for i in node.get("next") or () if i in graph.nodes]
    weight = graph.weight(below[0]) if len(below) == 1 else None
    if weight is None or not weight.endswith(".weight"):
        raise NotApplicable("a ReLU does not stand right behind a linear or convolutional layer")
    if len(graph.users(below[0])) > 1:
        raise NotApplicable("what enters a ReLU is used elsewhere, too")
    return weight.removesuffix(".weight")


def _site(program: Program, node: Record) -> Site:
    prefix = "created_" if node.get("created_file") else ""
    file, line = program.file(node, prefix)
    found = [c for c in file.calls(line, "ReLU", "relu", "relu_") if file.line(c) == line]
    if len(found) != 1:
        raise NotApplicable("which of several ReLUs of a line stands behind which layer is not known")
    return Site(file, found[0], node)


def _replace(editor: Editor, site: Site, dim: int) -> None:
    call = site.call
    if _is_class(call):
        editor.replace(site.file, call, f"Maxout({dim})")
        return
    method = isinstance(call.func, cst.Attribute) and not is_module(call.func.value, site.file)
    value = call.func.value if method and isinstance(call.func, cst.Attribute) else call.args[0].value
    code = site.code(value)
    if "relu" in code.lower():
        raise NotApplicable("one ReLU stands within another")
    editor.replace(site.file, call, f"{unused(site.file, 'maxout')}({code}, {dim})")


def _is_class(call: cst.Call) -> bool:
    """`nn.ReLU()`, and no function."""
    return last_name(call.func)[:1].isupper()
