"""Queries and keys of attention normalised."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from netvet.fixes.edits import functional
from netvet.fixes.fix import fix
from netvet.fixes.loops import within
from netvet.fixes.program import Program
from netvet.fixes.source import Editor, NotApplicable, SourceFile, called

PRODUCTS = ("matmul", "bmm", "einsum", "scaled_dot_product_attention")
# What turns keys round for the product: before it, their last axis is that of a head.
TURNING = ("transpose", "permute", "swapaxes")
TURNED = ("mT", "T")


@fix(title="queries and keys normalised", mends=("growing-attention-logits", "collapsed-attention"))
def qk_norm(program: Program) -> Iterator[Editor]:
    """Normalise queries and keys over the width of a head before they are multiplied.

    ## What it changes
    The line that makes the scores of attention written by hand: `layer_norm`, without weights of its own, around
    queries and keys. The scores, divided by the root of the width, are then at most that root.

    ## Known problems
    `MultiheadAttention` and the layers of PyTorch that hold it multiply inside and cannot be changed. Weights that were
    trained without it do not fit.

    ## References
    Henry et al., "Query-key normalization for transformers" (2020); Dehghani et al., "Scaling vision transformers to 22
    billion parameters" (2023), section 2: layer norm on queries and keys.
    """
    editor = program.editor("queries and keys normalised")
    done: list[cst.CSTNode] = []
    for one in program.facts("attention"):
        file, line = program.file(one)
        pair = _operands(file, line)
        if any(pair[0] is d for d in done):
            continue
        done.append(pair[0])
        before = _used_once(file, pair)
        for operand in pair:
            code = file.code(operand)
            if "norm" in code:
                raise NotApplicable("queries and keys are normalised already")
            normed = f"{functional(file)}.layer_norm({code}, {code}.shape[-1:])"
            if before:
                editor.insert(file, operand, before=f"{code} = {normed}\n")
            else:
                editor.replace(file, operand, normed)
        if functional(file).startswith("torch"):
            editor.require(file, "torch", "import torch")
    if not done:
        raise NotApplicable("no attention written by hand was seen")
    yield editor


def _used_once(file: SourceFile, pair: tuple[cst.BaseExpression, cst.BaseExpression]) -> bool:
    """Queries and keys are variables of which nothing but their sizes is read elsewhere from this line on."""
    function = file.function(pair[0])
    if function is None or not all(isinstance(one, cst.Name) for one in pair):
        return False
    codes = {file.code(one) for one in pair}
    later = [n for n in within(function.body) if isinstance(n, cst.Name) and n.value in codes]
    later = [n for n in later if file.line(n) >= file.line(pair[0]) and not _is_size(file, n)]
    return len(later) == len(pair) == len(codes) and isinstance(file.statement_of(pair[0]), cst.SimpleStatementLine)


def _is_size(file: SourceFile, node: cst.Name) -> bool:
    """`q` of `q.size(-1)` and `q.shape`, which stay as they are."""
    above = file.parent(node)
    return isinstance(above, cst.Attribute) and above.value is node and above.attr.value in ("size", "shape", "dtype")


def _operands(file: SourceFile, line: int) -> tuple[cst.BaseExpression, cst.BaseExpression]:
    """Queries and keys, each with the width of a head last.

    Raises:
        NotApplicable: they are not named in the product, or it is not seen which axis is that of a head.
    """
    for one in reversed(file.at(line, cst.BinaryOperation)):
        for product in (one, one.left):
            if isinstance(product, cst.BinaryOperation) and isinstance(product.operator, cst.MatrixMultiply):
                return _plain(product.left), _turned(product.right)
    for call in file.calls(line, *PRODUCTS):
        given = [a.value for a in call.args if a.keyword is None]
        named = {a.keyword.value: a.value for a in call.args if a.keyword is not None}
        if called(call) == "scaled_dot_product_attention":
            both = [*given[:2], *(named[n] for n in ("query", "key") if n in named)]
            if len(both) == 2:
                return _plain(both[0]), _plain(both[1])
        elif called(call) == "einsum" and len(given) == 3 and _last_summed(file.code(given[0])):
            return _plain(given[1]), _plain(given[2])
        elif called(call) in ("matmul", "bmm"):
            method = isinstance(call.func, cst.Attribute) and len(given) == 1
            left = call.func.value if method and isinstance(call.func, cst.Attribute) else given[0]
            return _plain(left), _turned(given[-1])
    raise NotApplicable("the product of queries and keys is not found")


def _last_summed(equation: str) -> bool:
    """`bhid,bhjd->bhij`: the last axis of both is summed over."""
    terms, _, result = equation.strip("'\"").replace(" ", "").partition("->")
    first, _, second = terms.partition(",")
    return bool(first and second and result) and first[-1] == second[-1] and first[-1] not in result


def _plain(node: cst.BaseExpression) -> cst.BaseExpression:
    if not isinstance(node, (cst.Name, cst.Attribute)):
        raise NotApplicable("queries or keys have no name in their product")
    return node


def _turned(node: cst.BaseExpression) -> cst.BaseExpression:
    """`k` of `k.transpose(-2, -1)` and `k.mT`."""
    if isinstance(node, cst.Attribute) and node.attr.value in TURNED:
        return _plain(node.value)
    if isinstance(node, cst.Call) and called(node) in TURNING and isinstance(node.func, cst.Attribute):
        owner = node.func.value
        if isinstance(owner, cst.Name) and owner.value == "torch" and node.args:
            owner = node.args[0].value
        return _plain(owner)
    raise NotApplicable("which axis of the keys is that of a head is not seen where the scores are made")
