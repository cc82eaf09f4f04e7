"""Functions whose name says more than the operations they are made of: marked within repetitions.

A marked call is one operation of the program, by the name of a number; what it was called with is kept apart.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax

from netvet.capture.jax_events import MAX_CALLS, MarkedCall, Session
from netvet.capture.jax_program import MARK, is_value
from netvet.capture.patches import Patches
from netvet.capture.site import user_site

ACTIVATIONS = (
    "softmax", "log_softmax", "relu", "relu6", "sigmoid", "gelu", "silu", "swish", "elu", "selu", "celu",
    "leaky_relu", "softplus", "hard_tanh", "hard_sigmoid", "soft_sign", "log_sigmoid", "glu", "one_hot",
)  # fmt: skip
LOSSES = {
    "softmax_cross_entropy_with_integer_labels": "cross_entropy",
    "softmax_cross_entropy": "cross_entropy",
    "safe_softmax_cross_entropy": "cross_entropy",
    "sigmoid_binary_cross_entropy": "binary_cross_entropy_with_logits",
    "sigmoid_focal_loss": "sigmoid_focal_loss",
    "l2_loss": "mse_loss",
    "squared_error": "mse_loss",
    "huber_loss": "huber_loss",
    "hinge_loss": "soft_margin_loss",
    "kl_divergence": "kl_div",
    "cosine_distance": "cosine_embedding_loss",
    "log_cosh": "smooth_l1_loss",
}
# Where the same functions stand under other names, if a library was imported before the run began.
_COPIES = (
    "jax.nn",
    "flax.linen",
    "flax.linen.activation",
    "flax.nnx",
    "flax.nnx.nn.activations",
    "optax",
    "optax.losses",
)


def tap_functions(session: Session, patches: Patches) -> None:
    """Mark activations of JAX and Flax."""
    _tap(session, patches, {name: getattr(jax.nn, name, None) for name in ACTIVATIONS})


def tap_losses(session: Session, patches: Patches) -> None:
    """Mark the losses of Optax, which must be imported."""
    import optax

    _tap(session, patches, {name: getattr(optax, name, None) for name in LOSSES})


def _tap(session: Session, patches: Patches, functions: dict[str, Any]) -> None:
    for name, function in functions.items():
        if function is None:
            continue
        marked = marking(session, name, function)
        for owner in _owners():
            if vars(owner).get(name) is function:
                patches.wrap(owner, name, lambda _, new=marked: new)  # type: ignore[misc]


def _owners() -> Iterator[Any]:
    yield from (sys.modules[name] for name in _COPIES if name in sys.modules)


def marking(session: Session, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, as one operation of the program within a repetition; the function itself otherwise."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        tracing = session.tracing
        if session.busy or len(session.calls) >= MAX_CALLS or tracing is None:
            return function(*args, **kwargs)
        bound = _bound(function, args, kwargs)
        if bound is None:
            return function(*args, **kwargs)
        return _mark(session, name, function, bound)

    return call


def _bound(function: Callable[..., Any], args: Any, kwargs: Any) -> inspect.BoundArguments | None:
    try:
        return _signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):  # JAX itself will say what is wrong with it
        return None


@functools.cache
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _mark(session: Session, name: str, function: Callable[..., Any], bound: inspect.BoundArguments) -> Any:
    given = bound.arguments
    arrays = {k: v for k, v in given.items() if is_value(v)}
    if not any(isinstance(v, jax.core.Tracer) for v in arrays.values()):
        return function(*bound.args, **bound.kwargs)
    settings = {k: v for k, v in given.items() if k not in arrays}
    tracing = session.tracing
    call = MarkedCall(name, (tracing and tracing.at) or user_site(3), settings, tuple(arrays))
    number = session.mark(call)
    if tracing is not None:
        tracing.marks.append(call)

    def whole(*values: Any) -> Any:
        bound.arguments.update(zip(arrays, values, strict=True))
        with session.alone():
            return function(*bound.args, **bound.kwargs)

    whole.__name__ = f"{MARK}{number}"
    return session.originals["jit"](whole)(*arrays.values())
