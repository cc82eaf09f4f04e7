"""How parameters and models of JAX programs are called: paths as PyTorch writes them (`Dense_0.kernel`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Containers and holders that say nothing: the collection of a Flax model, the value of a variable of nnx.
_EMPTY = frozenset({"params", "value", "raw_value"})
_GENERIC = frozenset({
    "tuple", "dict", "list", "FrozenDict", "State", "NodeStates", "GraphState", "float", "ArrayImpl", "function",
    "DynamicJaxprTracer", "JVPTracer", "Partial", "module", "MappingProxyType",
})  # fmt: skip


def path_name(path: Iterable[Any], sole: bool) -> str:
    """Name of a leaf: `layers.0.weight`.

    Args:
        path: keys as JAX gives them; the first is the number of the argument.
        sole: only one argument is differentiated, so its number says nothing.
    """
    keys = [_key(k) for k in path]
    keys = keys[1:] if sole else [f"arg{keys[0]}", *keys[1:]]
    return ".".join(k for k in keys if k and k not in _EMPTY) or "parameter"


def _key(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key).strip(".[]'\"")


def model_name(args: Any, _function: Any) -> str:
    """What the differentiated arguments are together: the class of a module, else `model`."""
    for one in args:
        kind = type(one).__name__
        if kind not in _GENERIC and hasattr(one, "__dict__") and not hasattr(one, "dtype"):
            return kind
    return "model"
