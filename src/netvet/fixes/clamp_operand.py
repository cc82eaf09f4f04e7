"""Operands kept off the edge of where an operation is finite."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held, is_module
from netvet.fixes.fix import fix
from netvet.fixes.outputs import operand
from netvet.fixes.program import Program, Record
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Far below what matters in a loss, and a number that float32 can add to 1e-2 (its precision is 6e-8).
SMALL = "1e-8"
# exp(20) is 5e8: far from the overflow of float32 at 88.7.
LARGEST = "20"
# What is put around the operand, by operation.
SAFE = {
    "log": f"{{}}.clamp_min({SMALL})", "log2": f"{{}}.clamp_min({SMALL})", "log10": f"{{}}.clamp_min({SMALL})",
    "sqrt": f"{{}} + {SMALL}", "rsqrt": f"{{}} + {SMALL}", "exp": f"{{}}.clamp_max({LARGEST})",
    "expm1": f"{{}}.clamp_max({LARGEST})", "acos": "{}.clamp(-1 + 1e-6, 1 - 1e-6)",
    "asin": "{}.clamp(-1 + 1e-6, 1 - 1e-6)", "arccos": "{}.clamp(-1 + 1e-6, 1 - 1e-6)",
    "atanh": "{}.clamp(-1 + 1e-6, 1 - 1e-6)", "logit": "{}.clamp(1e-6, 1 - 1e-6)", "reciprocal": f"{{}} + {SMALL}",
}  # fmt: skip
DIVISIONS = ("div", "truediv", "true_divide", "divide")


@fix(title="operands kept off the edge", mends=("unsafe-loss-arithmetic", "loss-not-finite"))
def clamp_operand(program: Program) -> Iterator[Editor]:
    """Keep what a logarithm, a root, a division or an exponential is given off the edge where it is not finite.

    ## What it changes
    `log(p)` becomes `log(p.clamp_min(1e-8))`, `sqrt(x)` becomes `sqrt(x + 1e-8)`, `a / b` becomes `a / (b + 1e-8)`,
    `exp(x)` becomes `exp(x.clamp_max(20))`; a norm is written as the root of a sum that is never 0.

    ## Known problems
    Behind a clamp there is no gradient. Where the operand is a softmax or a sigmoid, fused-loss is better.

    ## References
    PyTorch issues 83117 and 182156; Goodfellow, Bengio, Courville, Deep Learning (2016), 4.1.
    """
    found = [r for r in program.facts("first_non_finite") if r.get("file") and r.get("op")]
    if len(found) != 1:
        raise NotApplicable("the operation that was first not finite is not known")
    file, line = program.file(found[0])
    name = _name(found[0])
    editor = program.editor(f"the operand of {name} kept off the edge")
    if name in DIVISIONS:
        _divide(editor, file, line)
    elif "norm" in name:
        _norm(editor, file, line)
    else:
        _call(editor, file, line, name)
    yield editor


def _name(record: Record) -> str:
    plain = str(record["op"]).replace("Backward0", "").replace("Backward", "").strip("_")
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in plain).strip("_")


def _call(editor: Editor, file: SourceFile, line: int, name: str) -> None:
    if name not in SAFE:
        raise NotApplicable(f"what makes {name} safe is not known")
    calls = [c for c in file.calls(line) if called(c).strip("_") == name]
    if not calls:
        raise NotApplicable(f"{name} is not called on line {line} by its name")
    for call in calls:
        node = operand(file, call)
        made = SAFE[name].replace("{}", held(node))
        method = isinstance(call.func, cst.Attribute) and not is_module(call.func.value, file)
        editor.replace(file, node, f"({made})" if method and " + " in made and "clamp" not in made else made)


def _divide(editor: Editor, file: SourceFile, line: int) -> None:
    found = [b for b in file.at(line, cst.BinaryOperation) if isinstance(b.operator, cst.Divide)]
    if len(found) != 1:
        raise NotApplicable(f"{len(found)} divisions stand on line {line}, and one is meant")
    editor.replace(file, found[0].right, f"({{}} + {SMALL})")


def _norm(editor: Editor, file: SourceFile, line: int) -> None:
    found = file.calls(line, "norm")
    if len(found) != 1:
        raise NotApplicable("the norm is not called by its name")
    call = found[0]
    method = isinstance(call.func, cst.Attribute) and not is_module(call.func.value, file)
    rest = call.args if method else call.args[1:]
    if any(a.keyword is None or a.keyword.value not in ("dim", "keepdim", "axis") for a in rest):
        raise NotApplicable("the norm is not the plain one over an axis")
    node = operand(file, call)
    options = ", ".join(file.code(a.with_changes(comma=cst.MaybeSentinel.DEFAULT)) for a in rest)
    inner = held(node).replace("{}", file.code(node))
    code = f"({inner}.square().sum({options}) + {SMALL}).sqrt()"
    editor.change(file, call, lambda _: cst.parse_expression(code))
