"""Arithmetic of losses that is not finite at its edge."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import held
from netvet.fixes.jax_edits.places import package
from netvet.fixes.outputs import assigned, number
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

# Far below what matters in a loss; 1 minus it is still less than 1 in float32 (its precision is 6e-8).
SMALL = "1e-7"
# exp(20) is 5e8: far from the overflow of float32 at 88.7.
LARGEST = "20.0"
SAFE = {
    "log": f"{{jnp}}.maximum({{}}, {SMALL})", "log2": f"{{jnp}}.maximum({{}}, {SMALL})",
    "log10": f"{{jnp}}.maximum({{}}, {SMALL})", "sqrt": f"{{}} + {SMALL}", "rsqrt": f"{{}} + {SMALL}",
    "exp": f"{{jnp}}.minimum({{}}, {LARGEST})", "expm1": f"{{jnp}}.minimum({{}}, {LARGEST})",
}  # fmt: skip
LOGS, SIGMOIDS = ("log", "log1p"), ("sigmoid", "expit")


def fused_loss(program: Program) -> Iterator[Editor]:
    """`jax.nn.log_softmax` and `jax.nn.log_sigmoid` in the place of logarithms of softmax and sigmoid."""
    file, line = program.file(program.place)
    scope = file.function(file.statement(line))
    editor, found = program.editor("fused logarithms"), False
    for call in file.nodes(cst.Call):
        if called(call) in LOGS and file.function(call) is scope and call.args:
            found = _fused(editor, file, call) or found
    if not found:
        raise NotApplicable("no logarithm of a softmax or a sigmoid stands there")
    yield editor


def _fused(editor: Editor, file: SourceFile, call: cst.Call) -> bool:
    given, sign = call.args[0].value, ""
    if called(call) == "log1p":
        if not (isinstance(given, cst.UnaryOperation) and isinstance(given.operator, cst.Minus)):
            return False
        given, sign = given.expression, "-"
    elif isinstance(given, cst.BinaryOperation) and isinstance(given.operator, cst.Subtract):
        if number(given.left) != 1:
            return False
        given, sign = given.right, "-"
    made = assigned(file, given) if isinstance(given, cst.Name) else given
    if not isinstance(made, cst.Call) or not made.args or called(made) not in (*SIGMOIDS, "softmax"):
        return False
    jax, inner = package(editor, file, "jax"), made.args[0].value
    if called(made) in SIGMOIDS:
        shown = sign + (held(inner) if sign else "{}").replace("{}", file.code(inner))
        _put(editor, file, call, f"{jax}.nn.log_sigmoid({shown})")
        return True
    if sign:
        return False
    rest = ", ".join(file.code(a.with_changes(comma=cst.MaybeSentinel.DEFAULT)) for a in made.args)
    _put(editor, file, call, f"{jax}.nn.log_softmax({rest})")
    return True


def _put(editor: Editor, file: SourceFile, call: cst.Call, code: str) -> None:
    editor.change(file, call, lambda _: cst.parse_expression(code))


def clamp_operand(program: Program) -> Iterator[Editor]:
    """Operands of logarithms, roots, divisions and exponentials kept off the edge."""
    found = [r for r in program.facts("first_non_finite") if r.get("file") and r.get("op")]
    if found:
        file, line = program.file(found[0])
    else:
        file, line = program.file(program.place)
    editor = program.editor("operands kept off the edge")
    calls = [c for c in file.calls(line) if called(c) in SAFE and c.args]
    for call in calls:
        jnp = package(editor, file, "jax.numpy")
        editor.replace(file, call.args[0].value, SAFE[called(call)].replace("{jnp}", jnp))
    if not calls:
        _divide(editor, file, line)
    yield editor


def _divide(editor: Editor, file: SourceFile, line: int) -> None:
    found = [b for b in file.at(line, cst.BinaryOperation) if isinstance(b.operator, cst.Divide)]
    if len(found) != 1:
        raise NotApplicable("nothing whose operand can be kept off the edge stands there by its name")
    editor.replace(file, found[0].right, f"({{}} + {SMALL})")
