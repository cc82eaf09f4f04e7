"""No activation where it cuts the outputs off, or where the same one has just been applied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.layers import take_out
from netvet.fixes.program import Program, Record, Site
from netvet.fixes.source import Editor, NotApplicable, called, last_name

# Names of layers and functions, by the name of the operation.
NAMES = {
    "sigmoid": ("sigmoid", "Sigmoid", "sigmoid_", "expit"), "tanh": ("tanh", "Tanh", "tanh_"),
    "relu": ("relu", "ReLU", "relu_"), "softmax": ("softmax", "Softmax"), "softplus": ("softplus", "Softplus"),
    "gelu": ("gelu", "GELU"), "silu": ("silu", "SiLU", "silu_"), "mish": ("mish", "Mish"),
    "elu": ("elu", "ELU", "elu_"),
    "celu": ("celu", "CELU"), "leaky_relu": ("leaky_relu", "LeakyReLU", "leaky_relu_"),
    "log_sigmoid": ("logsigmoid", "LogSigmoid"), "threshold": ("threshold", "Threshold"),
}  # fmt: skip
ALL = tuple(name for every in NAMES.values() for name in every)
_VIEWS = ("View", "UnsafeView", "Transpose", "Permute", "Squeeze", "Unsqueeze", "Clone", "NativeDropout")


@fix(
    title="no activation where it does harm",
    mends=("wrong-output-activation", "repeated-activation"),
    changes_loss=True,
)
def remove_activation(program: Program) -> Iterator[Editor]:
    """Take the activation away that cuts off what the loss asks for, or that repeats the one before it.

    ## What it changes
    The call or the layer of the last activation: the output is linear. Of a repeated activation, the later of the two,
    at every place where it is repeated.

    ## Known problems
    A layer object that is called in several places is left alone: taking it away would change all of them.

    ## References
    Goodfellow, Bengio, Courville, Deep Learning (2016), 6.2.2: output units follow from the distribution of the target.
    """
    repeated = _repeated(program)
    if repeated:
        editor = program.editor("the activation once")
        for op, record in repeated:
            _take(editor, _site(program, record, op))
        yield editor
        return
    op = str((program.finding.evidence if program.finding else {}).get("input_op") or "")
    file, line = program.file(program.place)
    record = {"file": file.path, "line": line}
    for loss in program.facts("losses"):  # the layer's place may be that of its making, or of its call
        if loss.get("input_op") == op and loss.get("phase") == "train" and op:
            record = dict(loss) | {"file": loss.get("input_file"), "line": loss.get("input_line")}
    site = _site(program, record, op)
    editor = program.editor(f"without {site.code(site.call.func)}")
    _take(editor, site)
    yield editor


def _take(editor: Editor, site: Site) -> None:
    """A layer that is called by its own name hands on what it is given."""
    if called(site.call) in ALL or len(site.call.args) != 1:
        take_out(editor, site)
        return
    code = site.code(site.call.args[0].value)
    editor.change(site.file, site.call, lambda _: cst.parse_expression(code))


def _repeated(program: Program) -> list[tuple[str, Record]]:
    """The later activations of each pair, once per line, where the finding is of that kind."""
    if program.finding is None or "modules" not in program.finding.evidence:
        return []
    nodes = {(n.get("backward"), n.get("id")): n for n in program.facts("graph")}
    found: dict[object, tuple[str, Record]] = {}
    for node in nodes.values():
        name = _snake(str(node.get("op")))
        if name in NAMES and name != "relu" and _before(nodes, node).get("op") == node.get("op"):
            found.setdefault((node.get("file"), node.get("line")), (name, node))
    return list(found.values())


def _before(nodes: Mapping[tuple[object, object], Record], node: Record) -> Record:
    found = node
    while len(found.get("next") or ()) == 1:
        found = nodes.get((node.get("backward"), found["next"][0]), {})
        if found.get("op") not in _VIEWS:
            return found
    return {}


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).strip("_").replace("re_lu", "relu")


def _site(program: Program, record: Record, op: str) -> Site:
    """The call of this activation at a record's place, also through a name that the layer was given.

    Raises:
        NotApplicable: it is not there, or its layer is called elsewhere, too.
    """
    names = NAMES.get(op) or ALL
    file, line = program.file(record)
    kept = [c for c in file.nodes(cst.Call) if called(c) in names and called(c)[:1].isupper()]
    attributes = [last_name(a.targets[0].target) for a in (file.parent(c) for c in kept) if isinstance(a, cst.Assign)]
    for call in file.calls(line):
        if len(call.args) == 1 and last_name(call.func) in attributes and isinstance(call.func, cst.Attribute):
            return Site(file, call, record)
    site = program.site(record, *names)
    above = file.parent(site.call)
    name = last_name(above.targets[0].target) if isinstance(above, cst.Assign) else ""
    uses = [c for c in file.nodes(cst.Call) if last_name(c.func) == name] if site.call in kept and name else []
    if len(uses) > 1:
        raise NotApplicable(f"{name} is called in {len(uses)} places, and which is meant is not known")
    return site
