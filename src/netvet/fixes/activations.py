"""Activations between layers: where they stand, and another one in their place."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from netvet.fixes.edits import is_module
from netvet.fixes.graph import graphs
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, SourceFile, last_name

# Squashing activations, by the operation that they leave in the autograd graph: their layers and functions.
SQUASHING = {
    "Sigmoid": ("Sigmoid", "sigmoid", "sigmoid_"),
    "Tanh": ("Tanh", "tanh", "tanh_"),
    "Hardsigmoid": ("Hardsigmoid", "hardsigmoid"),
    "Hardtanh": ("Hardtanh", "hardtanh"),
}
# Activations that are zero for negative inputs.
RECTIFYING = {"Relu": ("ReLU", "relu", "relu_"), "Hardtanh": ("ReLU6", "relu6")}
FUNCTIONS = {"ReLU": "relu", "LeakyReLU": "leaky_relu", "GELU": "gelu"}


def with_activation(program: Program, layer: str, kinds: dict[str, tuple[str, ...]]) -> Editor:
    """One variant: another activation in the place of those between layers.

    Args:
        layer: its class in `torch.nn`; `kinds`: which are replaced.

    Raises:
        NotApplicable: none of them stands between layers in a file of the program.
    """
    editor = program.editor(f"{layer} between the layers")
    for site in _between(program, kinds):
        _replace(editor, site, layer)
    for file, name in _classes(program, kinds):
        editor.replace(file, name, _beside(file.code(name), layer))
        if "." not in file.code(name):
            editor.require(file, "torch", "import torch")
    return editor


def _between(program: Program, kinds: dict[str, tuple[str, ...]]) -> list[Site]:
    """The calls that make or apply activations between layers."""
    found: list[Site] = []
    for places in _places(program, kinds).values():
        for calls, hidden in places:
            found += [site for site, inside in zip(calls, hidden, strict=False) if inside]
    return _different(found)


def _places(
    program: Program, kinds: dict[str, tuple[str, ...]]
) -> dict[tuple[str, int, str], list[tuple[list[Site], list[bool]]]]:
    """By line: its calls, and of each whether all that it does is between layers."""
    ops: dict[tuple[str, int, str], list[tuple[Record, bool]]] = {}
    for graph in graphs(program):
        for node in graph.nodes.values():
            prefix = "created_" if node.get("created_file") else ""
            if node.get("op") in kinds and node.get(f"{prefix}file"):
                key = (str(node[f"{prefix}file"]), int(node[f"{prefix}line"]), str(node["op"]))
                ops.setdefault(key, []).append((node, graph.between_layers(node)))
    if not any(inside for nodes in ops.values() for _, inside in nodes):
        raise NotApplicable("no such activation stands between layers")
    found: dict[tuple[str, int, str], list[tuple[list[Site], list[bool]]]] = {}
    for (path, line, op), nodes in ops.items():
        file = program.sources.file(path)
        calls = [c for c in file.calls(line, *kinds[op]) if file.line(c) == line] or file.calls(line, *kinds[op])
        made = bool(nodes[0][0].get("created_file"))
        written = [c for c in file.nodes(cst.Call) if any(c is one for one in calls)]
        sites = [Site(file, c, nodes[0][0]) for c in (written if made else reversed(calls))]
        found.setdefault((path, line, op), []).append((sites, _inside(nodes, len(sites), made, program)))
    return found


def _inside(nodes: Sequence[tuple[Record, bool]], calls: int, made: bool, program: Program) -> list[bool]:
    """Of each call of a line; where it cannot be told apart, none."""
    if all(inside for _, inside in nodes):
        return [True] * calls
    order = {str(m.get("name")): i for i, m in enumerate(program.facts("modules"))}
    if made:  # in the order in which layers are made
        names = sorted({str(n.get("module")) for n, _ in nodes}, key=lambda name: order.get(name, 0))
        several = [all(inside for n, inside in nodes if str(n.get("module")) == name) for name in names]
    else:  # what is applied last is the nearest to the loss, and written outermost
        several = [inside for _, inside in sorted(nodes, key=lambda one: int(one[0].get("depth") or 0))]
    return several if len(several) == calls else [False] * calls


def _classes(program: Program, kinds: dict[str, tuple[str, ...]]) -> list[tuple[SourceFile, cst.BaseExpression]]:
    """`nn.Tanh` of `activation=nn.Tanh`, where a line makes layers of a class that it was given."""
    found: list[tuple[SourceFile, cst.BaseExpression]] = []
    for (path, _, op), places in _places(program, kinds).items():
        made = [hidden for calls, hidden in places if not calls]
        if not made or not _layers_only_between(program, kinds[op][0]):
            continue
        file = program.sources.file(path)
        named = [n for n in (*file.nodes(cst.Attribute), *file.nodes(cst.Name)) if last_name(n) == kinds[op][0]]
        plain = [n for n in named if isinstance(file.parent(n), (cst.Arg, cst.Param, cst.Assign))]
        if len(plain) == 1 and not any(n is plain[0] for _, n in found):
            found.append((file, plain[0]))
    return found


def _layers_only_between(program: Program, name: str) -> bool:
    for graph in graphs(program):
        for node in graph.nodes.values():
            if node.get("op") == name and node.get("created_file") and not graph.between_layers(node):
                return False
    return True


def _replace(editor: Editor, site: Site, layer: str) -> None:
    call, written = site.call, site.code(site.call.func)
    name = last_name(call.func)
    if name[:1].isupper():
        editor.replace(site.file, call, f"{_beside(written, layer)}()")
    elif call.args:
        editor.change(site.file, call, lambda old: _function(old, layer, is_torch=written.startswith("torch.")))
    elif isinstance(call.func, cst.Attribute):
        editor.change(site.file, call, lambda old: _method(old, layer))
    if "." not in written or layer != "ReLU":
        editor.require(site.file, "torch", "import torch")


def _beside(written: str, layer: str) -> str:
    """The class in the module of another one: `nn.ReLU` for `nn.Tanh`."""
    module, dot, _ = written.rpartition(".")
    return f"{module}.{layer}" if dot else f"torch.nn.{layer}"


def _function(old: cst.CSTNode, layer: str, *, is_torch: bool) -> cst.CSTNode:
    assert isinstance(old, cst.Call)
    function = FUNCTIONS[layer]
    module = cst.Module([]).code_for_node(old.func).rpartition(".")[0]
    inside = module and (not is_torch or layer == "ReLU" or module.endswith("functional"))
    name = f"{module}.{function}" if inside else f"torch.{'relu' if layer == 'ReLU' else 'nn.functional.' + function}"
    last = old.args[0].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return old.with_changes(func=cst.parse_expression(name), args=[last])


def _method(old: cst.CSTNode, layer: str) -> cst.CSTNode:
    assert isinstance(old, cst.Call)
    assert isinstance(old.func, cst.Attribute)
    if is_module(old.func.value):
        raise NotApplicable("the activation is given nothing")
    if layer == "ReLU":
        return old.with_changes(func=old.func.with_changes(attr=cst.Name("relu")))
    name = cst.parse_expression(f"torch.nn.functional.{FUNCTIONS[layer]}")
    return old.with_changes(func=name, args=[cst.Arg(old.func.value)])


def _different(sites: Sequence[Site]) -> list[Site]:
    found: list[Site] = []
    for site in sites:
        if not any(site.call is one.call for one in found):
            found.append(site)
    return found


def usual(program: Program) -> str:
    """The activation that the program uses most between its layers, as a function of PyTorch; else ReLU."""
    ops = [str(node.get("op")) for graph in graphs(program) for node in graph.nodes.values()]
    known = {"Relu": "relu", "Gelu": "nn.functional.gelu", "LeakyRelu": "nn.functional.leaky_relu", "Tanh": "tanh",
             "Silu": "nn.functional.silu", "Elu": "nn.functional.elu"}  # fmt: skip
    used = [op for op in ops if op in known]
    return f"torch.{known[max(used, key=used.count)] if used else 'relu'}"
