"""Attention scores divided by the root of the head's width."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.fix import fix
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

PRODUCTS = ("matmul", "bmm", "einsum")


@fix(title="scaled attention scores", mends=("collapsed-attention", "growing-attention-logits"))
def scale_scores(program: Program) -> Iterator[Editor]:
    """Divide the product of queries and keys by the root of the width of a head.

    ## What it changes
    The line that multiplies queries and keys: a multiplication with a root becomes a division; where there is no
    scale, one is put behind the product.

    ## References
    Vaswani et al., "Attention is all you need" (2017), equation 1.
    """
    editor, found = program.editor("scaled attention scores"), False
    done: list[cst.CSTNode] = []
    for one in program.facts("attention"):
        file, line = program.file(one)
        product, queries = _product(file, line)
        if any(product is d for d in done):
            continue
        done.append(product)
        around = file.parent(product)
        if isinstance(around, cst.BinaryOperation) and isinstance(around.operator, (cst.Multiply, cst.Divide)):
            if not isinstance(around.operator, cst.Multiply) or not _root(file.code(around.right)):
                raise NotApplicable("the scores are scaled already")
            editor.change(file, around.operator, lambda old: cst.Divide(old.whitespace_before, old.whitespace_after))  # type: ignore[attr-defined]
        else:
            editor.replace(file, product, f"({{}}) / {queries}.size(-1) ** 0.5")
        found = True
    if not found:
        raise NotApplicable("the line that makes the scores is not known")
    yield editor


def _product(file: SourceFile, line: int) -> tuple[cst.BaseExpression, str]:
    """The product of queries and keys, and the queries."""
    for one in reversed(file.at(line, cst.BinaryOperation)):
        if isinstance(one.operator, cst.MatrixMultiply):
            return one, file.code(one.left)
        left = one.left
        if isinstance(left, cst.BinaryOperation) and isinstance(left.operator, cst.MatrixMultiply):
            return left, file.code(left.left)
    for call in file.calls(line, *PRODUCTS):
        plain = [a.value for a in call.args if isinstance(a.value, (cst.Name, cst.Attribute))]
        if plain and called(call) in PRODUCTS:
            return call, file.code(plain[0])
    raise NotApplicable("the product of queries and keys is not found")


def _root(code: str) -> bool:
    return "sqrt" in code or "0.5" in code
