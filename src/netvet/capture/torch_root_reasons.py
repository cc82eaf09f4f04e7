"""In plain words, why an operation made NaN or infinity out of what it was given."""

from __future__ import annotations

from typing import Any

import torch

from netvet.capture.torch_finite_trace import Root

_PRODUCTS = ("mm", "bmm", "addmm", "addbmm", "baddbmm", "mv", "addmv", "dot", "vdot", "linear", "convolution", "matmul")
_SPREADS = ("var", "std", "var_mean", "std_mean")
# Node of the graph -> the function whose derivative it is, and where that is not finite.
_DERIVATIVES = {
    "Sqrt": ("sqrt", "0"), "Rsqrt": ("rsqrt", "0"), "Log": ("log", "0"), "Log2": ("log2", "0"), "Log10": ("log10", "0"),
    "Log1P": ("log1p", "-1"), "Reciprocal": ("1/x", "0"), "Div": ("a division", "a divisor of 0"), "Std": ("std", "0"),
    "Pow": ("pow", "0"), "Acos": ("acos", "-1 and 1"), "Asin": ("asin", "-1 and 1"), "Cdist": ("a distance", "0"),
    "LinalgVectorNorm": ("a norm", "0"), "Norm": ("a norm", "0"), "Atanh": ("atanh", "-1 and 1"),
    "StdMean": ("std", "0"),
}  # fmt: skip


def operation(root: Root) -> str:
    """The name of the operation as the user would call it: of the backward pass the function that it belongs to."""
    if root.node is not None:
        return root.node.removesuffix("Backward0").removesuffix("Backward1")
    called = (root.place.function if root.place is not None else "").strip("_")
    called = {"truediv": "div", "rtruediv": "div", "rsub": "sub", "rdiv": "div", "radd": "add", "rmul": "mul"}.get(
        called, called
    )
    inner = root.op.strip("_")
    if not called or called == inner or called in ("get", "set"):
        return inner
    return called if inner.startswith(called) or called.startswith(inner) else f"{called} ({inner})"


def because(root: Root, final: str) -> str:
    """One sentence: what was done to which numbers. `final`: what the loss or the gradients became."""
    if root.kind == "given":
        return _given(root)
    if root.kind == "asked":
        return "it was told to write infinity, which is to blame only if all of a row is masked"
    if root.node is not None:
        return _backward(root)
    return _turned(root) if root.kind == "turned" else _forward(root)


def _given(root: Root) -> str:
    counts = [f"{root.result[k]:,} times {n}" for k, n in (("nan", "NaN"), ("inf", "infinity")) if root.result.get(k)]
    count = " and ".join(counts) or "a number that is not finite"
    return f"{root.source or 'a tensor from outside the step'} already holds {count} when it comes to this line"


def _backward(root: Root) -> str:
    name = root.node or ""
    for suffix in ("Backward0", "Backward1", "Backward2", "Scalar", "Tensor", "TensorTensor", "Self"):
        name = name.replace(suffix, "")
    if root.kind == "turned":
        return "zero times infinity, or infinity minus infinity, is NaN"
    known = _DERIVATIVES.get(name)
    if known is not None:
        return f"the derivative of {known[0]} is not finite at {known[1]}"
    if root.result.get("nan"):
        return f"the derivative of {name} is NaN at what it was given"
    return f"the derivative of {name} is more than {_largest(root.result.get('dtype', ''))}"


def _forward(root: Root) -> str:
    op, values = root.op.strip("_"), root.operands
    low, high = (values[0].get(k) for k in ("at_min", "at_max")) if values else (None, None)
    dtype = root.result.get("dtype", "float32")
    if op in ("log", "log2", "log10", "sqrt", "rsqrt", "reciprocal") and low is not None:
        if low < 0 and op != "reciprocal":
            return f"{op} of a negative number ({low:.4g}) is NaN"
        return f"{op}(0) is infinite"
    if op in ("div", "true_divide"):
        return _division(root)
    if op in ("exp", "exp2", "expm1", "sinh", "cosh") and high is not None:
        return f"{op}({high:.4g}) is more than {_largest(dtype)}"
    if op in ("acos", "asin", "atanh", "acosh", "log1p") and low is not None:
        return f"{op} is not finite between {low:.4g} and {high:.4g}, where it was asked"
    if op == "pow":
        return _power(root, low)
    if op in _SPREADS:
        return f"the spread of too few values: {op} of a single one divides by zero"
    if op == "_to_copy" or op == "to_copy":
        largest = _size(values)
        return (
            f"{largest} does not fit into {dtype}: more than {_largest(dtype)}" if largest else f"too large for {dtype}"
        )
    if root.result.get("nan") and not root.result.get("inf") and op not in _PRODUCTS:
        return f"{op} has no value at what it was given"
    kind = "a sum of products" if op in _PRODUCTS else "the result"
    return f"{kind} is more than {_largest(dtype)}"


def _power(root: Root, base: float | None) -> str:
    exponent = f"{root.scalars[-1]:g}" if root.scalars else "its exponent"
    if root.result.get("nan"):
        return f"a negative number to the power of {exponent} is NaN"
    if base == 0:
        return f"0 to the power of {exponent} is infinite"
    return f"{base or 0:.4g} to the power of {exponent} is more than {_largest(root.result.get('dtype', 'float32'))}"


def _division(root: Root) -> str:
    divisor = root.operands[1].get("at_max") if len(root.operands) > 1 else None
    upper = root.operands[0].get("at_max") if root.operands else None
    if divisor == 0 or 0.0 in root.scalars:
        return "division of zero by zero" if upper == 0 and root.result.get("nan") else "division by zero"
    return f"the quotient is more than {_largest(root.result.get('dtype', 'float32'))}"


def _turned(root: Root) -> str:
    op = root.op.strip("_")
    if "softmax" in op:
        return "softmax over a row in which everything is minus infinity is NaN"
    if op in ("mul", "mm", "bmm", "addmm", "dot", "mv") or op in _PRODUCTS:
        return "zero times infinity is NaN"
    if op in ("sub", "add", "sum", "mean", "cumsum", "logsumexp", "rsub"):
        return "infinity minus infinity is NaN"
    if op == "div":
        return "infinity divided by infinity is NaN"
    return "infinity became NaN there"


def _size(values: list[dict[str, Any]]) -> str:
    ends = [abs(v) for one in values[:1] for v in (one.get("at_min"), one.get("at_max")) if v is not None]
    return f"{max(ends):.4g}" if ends else ""


def _largest(dtype: str) -> str:
    kind = getattr(torch, dtype, None)
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        return f"{dtype or 'the type'} can hold"
    return f"{dtype} can hold ({torch.finfo(kind).max:.4g})"
