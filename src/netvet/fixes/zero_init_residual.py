"""Residual branches that begin at zero."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import package
from netvet.fixes.fix import fix
from netvet.fixes.loops import assignments, names, within
from netvet.fixes.modules import WEIGHTED
from netvet.fixes.norms import NORMS
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

DROPOUTS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "Identity", "StochasticDepth", "DropPath")


@fix(
    title="residual branches that begin at zero",
    mends=("unstable-depth", "badly-scaled-init", "exploding-gradient", "missing-warmup"),
)
def zero_init_residual(program: Program) -> Iterator[Editor]:
    """Set the last layer of each residual branch to zero, so that every block begins as the identity.

    ## What it changes
    Lines at the end of `__init__` of each class whose `forward` adds what a layer gives to something: `zeros_` of the
    weight of the norm, or of the weight and the bias of the linear or convolutional layer, that ends the branch.

    ## Known problems
    A branch that ends in an activation cannot begin at zero: a ReLU at zero passes no gradient.

    ## References
    Goyal et al., "Accurate, large minibatch SGD" (2017), section 5.1; Zhang, Dauphin and Ma, "Fixup initialization"
    (2019).
    """
    editor = program.editor("residual branches that begin at zero")
    found = False
    for file, owner in _classes(program):
        code = ""
        for name, own in _branches(file, owner):
            lines = _zero(program, owner.name.value, name, own=own)
            code += lines.replace("nn.init", f"{package(file)}.init")
        if code:
            makers = [f for f in owner.body.body if isinstance(f, cst.FunctionDef) and f.name.value == "__init__"]
            if len(makers) != 1 or not isinstance(makers[0].body, cst.IndentedBlock):
                raise NotApplicable(f"{owner.name.value} has no __init__")
            editor.insert(file, makers[0].body.body[-1], after=code)
            if package(file).startswith("torch"):
                editor.require(file, "torch", "import torch")
            found = True
    if not found:
        raise NotApplicable("no forward adds what a norm or a layer with weights gives to its own input")
    yield editor


def _classes(program: Program) -> Iterator[tuple[SourceFile, cst.ClassDef]]:
    """The user's classes of modules that were made."""
    seen: set[tuple[str, str]] = set()
    for one in program.facts("modules"):
        if one.get("file") and one.get("line") and not one.get("is_leaf"):
            file, line = program.file(one)
            for owner in file.at(line, cst.ClassDef)[:1]:
                key = (file.path, owner.name.value)
                if owner.name.value == one.get("cls") and key not in seen:
                    seen.add(key)
                    yield file, owner


def _branches(file: SourceFile, owner: cst.ClassDef) -> list[tuple[str, bool]]:
    """Attributes whose outputs `forward` adds to a variable, and whether they are computed from that variable."""
    found: dict[str, bool] = {}
    forwards = [f for f in owner.body.body if isinstance(f, cst.FunctionDef) and f.name.value == "forward"]
    for one in (n for f in forwards for n in within(f.body)):
        pairs: list[tuple[cst.BaseExpression, cst.BaseExpression]] = []
        if isinstance(one, cst.BinaryOperation) and isinstance(one.operator, cst.Add):
            pairs = [(one.left, one.right), (one.right, one.left)]
        elif isinstance(one, cst.AugAssign) and isinstance(one.operator, cst.AddAssign):
            pairs = [(one.target, one.value), (one.value, one.target)]
        for other, branch in pairs:
            call = _call(file, branch) if isinstance(other, cst.Name) else None
            if call is not None and isinstance(other, cst.Name):
                found.setdefault(called(call), _computed_from(file, call, other.value))
                break
    return list(found.items())


def _call(file: SourceFile, node: cst.BaseExpression, depth: int = 2) -> cst.Call | None:
    """`self.f(x)`, through variables that it is assigned to."""
    if isinstance(node, cst.Name) and depth:
        made = assignments(file, node, node.value)
        return _call(file, made[0].value, depth - 1) if made else None
    if not isinstance(node, cst.Call):
        return None
    name = called(node)
    if "drop" in name and len(node.args) == 1 and isinstance(node.args[0].value, cst.Call):
        return _call(file, node.args[0].value, depth)
    own = (
        isinstance(node.func, cst.Attribute)
        and isinstance(node.func.value, cst.Name)
        and node.func.value.value == "self"
    )
    return node if own and not name.startswith(("downsample", "shortcut")) else None


def _computed_from(file: SourceFile, call: cst.Call, name: str) -> bool:
    """What a layer is given comes from a variable, directly or through others of the same function."""
    made = [a for a in file.nodes(cst.Assign) if file.function(a) is file.function(call)]
    made = [a for a in made if file.line(a) <= file.line(call)]
    read = {n for one in call.args for n in names(one.value)}
    for _ in made:
        read |= {n for a in made if any(names(t.target) & read for t in a.targets) for n in names(a.value)}
    return name in read


def _zero(program: Program, cls: str, name: str, *, own: bool) -> str:
    """Lines that set the last layer of a branch to zero. `own`: the branch is computed from what it is added to.

    Raises:
        NotApplicable: the branch ends in something else, or its weights are set elsewhere.
    """
    every = program.facts("modules")
    blocks = [str(m.get("name")) for m in every if m.get("cls") == cls]
    lines: set[str] = set()
    for block in blocks:
        start = name if any(m.get("name") == block == m.get("model") for m in every) else f"{block}.{name}"
        parts = [m for m in every if str(m.get("name")) == start or str(m.get("name")).startswith(f"{start}.")]
        leaves = [m for m in parts if m.get("is_leaf") and m.get("order") is not None and m.get("cls") not in DROPOUTS]
        if not leaves:
            raise NotApplicable(f"the layers of the branch {name} of {cls} are not known")
        last = max(leaves, key=lambda m: int(m["order"]))
        first = min(parts, key=lambda m: str(m.get("name")))
        keeps = own or first.get("input_shape") == last.get("output_shape")
        if last.get("cls") not in (*NORMS, *WEIGHTED) or not keeps:
            return ""  # an embedding or a condition that is added, or a branch that ends in an activation
        _check_default(program, last)
        path = "".join(
            f"[{p}]" if p.isdigit() else f".{p}" for p in str(last["name"])[len(start) - len(name) :].split(".")
        )
        lines.add(_lines(f"self{path}", last))
    if len(lines) != 1:
        raise NotApplicable(f"the branch {name} of {cls} does not end in the same layer everywhere")
    return lines.pop()


def _check_default(program: Program, layer: Record) -> None:
    for one in program.facts("parameters"):
        if one.get("layer") == layer.get("name") and (one.get("init_file") or one.get("loaded")):
            raise NotApplicable(f"the weights of {layer.get('name')} are set or loaded by the program")


def _lines(path: str, layer: Record) -> str:
    code = f"nn.init.zeros_({path}.weight)\n"
    bias = layer.get("cls") in WEIGHTED and (layer.get("settings") or {}).get("bias") is not False
    return code + (f"nn.init.zeros_({path}.bias)\n" if bias else "")
