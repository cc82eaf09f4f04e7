"""Activations between the layers of a net of linen, NNX, Equinox, or by hand."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.graph import graphs
from netvet.fixes.jax_edits.places import package
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called, inside, last_name

FUNCTIONS = {"Relu": "relu", "Gelu": "gelu", "LeakyRelu": "leaky_relu", "Tanh": "tanh", "Silu": "silu", "Elu": "elu"}
SQUASHING = ("sigmoid", "tanh", "hard_tanh", "hard_sigmoid")
# Classes of layers by the names that they have in linen, NNX and Equinox.
LAYERS = ("Dense", "DenseGeneral", "Linear", "LinearGeneral", "Einsum", "Conv", "Conv1d", "Conv2d", "Conv3d")


def add_activation(program: Program) -> Iterator[Editor]:
    """The activation that the program uses elsewhere, else ReLU, around the first of two linear layers."""
    pairs = (program.finding.evidence if program.finding is not None else {}).get("pairs") or []
    if not pairs:
        raise NotApplicable("the layers without an activation between them are not known")
    modules = {str(m.get("name")): m for m in program.facts("modules")}
    editor = program.editor("an activation between linear layers")
    for first in dict.fromkeys(str(pair[0]) for pair in pairs):
        if first not in modules:
            raise NotApplicable(f"where {first} is called is not known")
        _around(program, editor, modules[first])
    yield editor


def _around(program: Program, editor: Editor, module: Record) -> None:
    file, line = program.file(module, "created_")
    name = f"{_nn(editor, file)}.{_usual(program)}"
    listed = _in_list(file, line)
    if listed is not None:
        _behind(editor, file, listed, name)
        return
    call = _layer_call(file, line, str(module.get("name")))
    if call is not None:
        editor.replace(file, call, f"{name}({{}})")
        return
    value = _assigned_product(file, line)
    editor.replace(file, value, f"{name}({{}})")


def _nn(editor: Editor, file: SourceFile) -> str:
    """The module of activations as the file calls it."""
    for short, long in (("nn", "flax.linen"), ("nn", "flax import linen"), ("nnx", "flax import nnx")):
        if short in file.imported and long in file.text and "import jax\n" not in file.text:
            return short
    return f"{package(editor, file, 'jax')}.nn"


def _usual(program: Program) -> str:
    """The activation that the program uses most."""
    ops = [str(node.get("op")) for graph in graphs(program) for node in graph.nodes.values()]
    used = [op for op in ops if op in FUNCTIONS]
    return FUNCTIONS[max(used, key=used.count)] if used else "relu"


def _layer_call(file: SourceFile, line: int, name: str) -> cst.Call | None:
    """`self.first(x)`, `nn.Dense(8)(x)`, `jax.vmap(self.first)(x)` of a layer of this name."""
    last = [part for part in name.split(".") if not part.isdigit()][-1:] or [name]
    calls = [c for c in file.calls(line) if file.lines(c)[0] <= line]
    named = [c for c in calls if _is_layer(file, c.func, last[0])]
    made = [c for c in calls if isinstance(c.func, cst.Call) and called(c.func) in LAYERS]
    made = [c for c in made if isinstance(c.func, cst.Call) and name.startswith(called(c.func))] or made
    for found in (named, made):
        if len(found) == 1:
            return found[0]
    number = name.rpartition("_")[2]
    if len(made) > 1 and number.isdigit():  # several on one line: innermost is called first
        return made[0] if not int(number) else None
    return None


def _is_layer(file: SourceFile, node: cst.BaseExpression, name: str) -> bool:
    if isinstance(node, cst.Call) and called(node) == "vmap" and node.args:
        node = node.args[0].value
    while isinstance(node, cst.Subscript):
        node = node.value
    return isinstance(node, cst.Attribute) and last_name(node) == name and file.code(node.value) == "self"


def _in_list(file: SourceFile, line: int) -> cst.Element | None:
    """The layer that a line makes in the list of a `Sequential`."""
    for call in file.calls(line, *LAYERS):
        holder = file.parent(call)
        if isinstance(holder, cst.Element) and file.line(call) == line:
            return holder
    return None


def _behind(editor: Editor, file: SourceFile, element: cst.Element, name: str) -> None:
    around = file.parent(element)
    if not isinstance(around, cst.List):
        raise NotApplicable("the layers do not stand in a list")
    equinox = any(file.code(c.func).startswith(("eqx.", "equinox.")) for c in inside(around, cst.Call))
    code = f"eqx.nn.Lambda({name})" if equinox else name

    def add(old: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(old, cst.List)
        at = next(i for i, e in enumerate(around.elements) if e is element)
        made = cst.Element(cst.parse_expression(code), comma=old.elements[at].comma)
        whole = list(old.elements)
        whole[at] = whole[at].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
        return old.with_changes(elements=[*whole[: at + 1], made, *whole[at + 1 :]])

    editor.change(file, around, add)


def _assigned_product(file: SourceFile, line: int) -> cst.BaseExpression:
    """`x @ w + b`, where that is all that a line assigns.

    Raises:
        NotApplicable: it assigns something else.
    """
    for one in file.at(line, cst.Assign):
        products = [b for b in inside(one.value, cst.BinaryOperation) if isinstance(b.operator, cst.MatrixMultiply)]
        dots = [c for c in inside(one.value, cst.Call) if called(c) in ("dot", "matmul", "einsum", "dot_general")]
        if len(products) + len(dots) == 1 and isinstance(one.value, (cst.BinaryOperation, cst.Call)):
            return one.value
    raise NotApplicable("the layer is not called by itself on its line")


def relu(program: Program) -> Iterator[Editor]:
    """ReLU in the place of squashing activations."""
    yield _with(program, "relu", SQUASHING)


def leaky_relu(program: Program) -> Iterator[Editor]:
    """Leaky ReLU in the place of ReLU."""
    yield _with(program, "leaky_relu", ("relu", "relu6"))


def gelu(program: Program) -> Iterator[Editor]:
    """GELU in the place of ReLU and of squashing activations."""
    yield _with(program, "gelu", ("relu", "relu6", *SQUASHING))


def _with(program: Program, function: str, names: tuple[str, ...]) -> Editor:
    """Another function where activations are applied between layers.

    Raises:
        NotApplicable: none of them stands between layers in a file of the program.
    """
    editor, done = program.editor(f"{function} between the layers"), set[int]()
    for graph in graphs(program):
        for node in graph.nodes.values():
            op = str(node.get("op"))
            if not node.get("file") or not graph.between_layers(node) or _function(op) not in names:
                continue
            file, line = program.file(node)
            for call in file.calls(line, *names):
                if id(call) not in done and isinstance(call.func, (cst.Attribute, cst.Name)):
                    done.add(id(call))
                    nn = f"{package(editor, file, 'jax')}.nn"
                    own = file.code(call.func).rpartition(".")[0]
                    editor.replace(file, call.func, f"{own if own.endswith(('nn', 'nnx')) else nn}.{function}")
    if not done:
        raise NotApplicable("no such activation stands between layers")
    return editor


def _function(op: str) -> str:
    """`leaky_relu` of `LeakyRelu`."""
    return FUNCTIONS.get(op, op.lower())
