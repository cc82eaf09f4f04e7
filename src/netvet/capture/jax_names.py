"""How parameters and models of JAX programs are called: paths as PyTorch writes them (`Dense_0.kernel`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Containers and holders that say nothing: the collection of a Flax model, the value of a variable of nnx.
_EMPTY = frozenset({"params", "value", "raw_value"})
_GENERIC = frozenset({
    "tuple", "dict", "list", "FrozenDict", "State", "NodeStates", "GraphState", "GraphDef", "float", "ArrayImpl",
    "function", "DynamicJaxprTracer", "JVPTracer", "Partial", "module", "MappingProxyType",
})  # fmt: skip


def path_name(path: Iterable[Any], sole: bool) -> str:
    """Name of a leaf: `layers.0.weight`.

    Args:
        path: keys as JAX gives them; the first is the number of the argument.
        sole: only one argument is differentiated, so its number says nothing.
    """
    keys = [_key(k) for k in path]
    rest = keys[1:]
    if rest[:1] == ["states"]:  # how Flax NNX hands a module to JAX: states of its parts, of which there is one mostly
        rest = rest[2:] if rest[1:2] == ["0"] else rest[1:]
    keys = rest if sole else [f"arg{keys[0]}", *rest]
    return ".".join(k for k in keys if k and k not in _EMPTY) or "parameter"


def _key(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key).strip(".[]'\"")


def model_name(args: Any, _function: Any) -> str:
    """What the differentiated arguments are together: the class of a module, else `model`."""
    for one in args:
        graph = getattr(one, "_graphdef", None) or getattr(one, "graphdef", None)
        nodes = getattr(graph, "nodes", None) or [graph]
        if graph is not None and hasattr(nodes[0], "type"):
            return str(getattr(nodes[0].type, "__name__", nodes[0].type))
        kind = type(one).__name__
        if kind not in _GENERIC and hasattr(one, "__dict__") and not hasattr(one, "dtype"):
            return kind
    return "model"
