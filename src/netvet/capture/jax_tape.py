"""What a program computes between two training calls without compiling it: a tape of calls of `jax.numpy` and the like.

The tape holds arguments (arrays that were not made by the calls themselves) and, of results, nothing but which call
made them: no activation lives longer for it, but for single numbers.
"""

from __future__ import annotations

import functools
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import jax
import jax.numpy as jnp

from netvet.capture.jax_events import Session
from netvet.capture.jax_program import is_value
from netvet.capture.patches import Patches

# Calls between two training calls that are kept; an evaluation has some tens for each batch.
MAX_CALLS = 3_000
# Seconds that recording may always take; beyond them it gets this share of the time.
FREE_SECONDS, SHARE = 0.5, 0.005
_METHODS = (
    "__neg__", "__abs__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__add__", "__radd__", "__sub__",
    "__rsub__", "__mul__", "__rmul__", "__truediv__", "__rtruediv__", "__pow__", "__rpow__", "__matmul__",
    "__rmatmul__", "__and__", "__or__", "__getitem__", "mean", "sum", "max", "min", "argmax", "astype", "reshape",
    "squeeze", "flatten", "ravel", "transpose", "swapaxes", "std", "var", "round", "clip", "dot", "take",
)  # fmt: skip
_MODULES = ("jax.numpy", "jax.numpy.linalg", "jax.nn", "jax.lax", "jax.random", "optax", "optax.losses")
# Of `jax.lax`, not what is handed to reductions (`add`, `max`): JAX asks whether it is these functions themselves.
_LAX = frozenset({
    "dot", "dot_general", "batch_matmul", "conv", "conv_general_dilated", "conv_with_general_padding", "scan", "map",
    "while_loop", "fori_loop", "cond", "reduce_window", "select", "select_n", "stop_gradient", "rsqrt", "sqrt",
    "square", "integer_pow", "pow", "exp", "log", "tanh", "logistic", "erf", "sub", "div", "neg", "abs", "reshape",
    "transpose", "concatenate", "broadcast", "broadcast_in_dim", "expand_dims", "squeeze", "dynamic_slice", "gather",
    "top_k", "convert_element_type",
})  # fmt: skip
# Functions that were imported from `jax.nn` under other names before the run began.
_COPIES = ("flax.linen", "flax.linen.activation", "flax.nnx", "flax.nnx.nn.activations")
_CALLABLE = (types.FunctionType, type(jnp.dot))


@dataclass(slots=True)
class Call:
    """One call on the tape.

    Args:
        arguments: leaves of what it was called with; arrays that earlier calls made are `Made`.
        results: weak references to the arrays that it gave; numbers are held.
        lines: file and line of all frames that were running, the innermost first.
    """

    function: Callable[..., Any]
    arguments: list[Any]
    tree: Any
    results: list[Callable[[], Any]]
    lines: list[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Made:
    """The result of an earlier call: its number on the tape, and which of its results. `single`: one number."""

    call: int
    result: int
    single: bool


@jax.tree_util.register_pytree_node_class
class Opened:
    """A function of the user's whose enclosed variables are arguments like others, so that arrays in them are seen."""

    def __init__(self, function: types.FunctionType, cells: list[Any]) -> None:
        self.function, self.cells = function, cells

    def tree_flatten(self) -> tuple[list[Any], Any]:
        """For JAX: its parts and the rest."""
        return self.cells, self.function

    @classmethod
    def tree_unflatten(cls, function: Any, cells: Any) -> Any:
        """For JAX: the function itself, around these variables."""
        closure = tuple(types.CellType(c) for c in cells)
        made = types.FunctionType(
            function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
        )
        made.__kwdefaults__ = function.__kwdefaults__
        return made


class Tape:
    """Records calls at the top level while a run listens, from one training call to the next.

    Attributes:
        free: seconds that recording may take in any case; infinite where every evaluation counts.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._inside, self._full = False, False
        self._count, self._counts = 0, [-1, -2, -3]
        self._began, self._spent, self.free = perf_counter(), 0.0, FREE_SECONDS
        self.calls: list[Call] = []
        self._made: dict[int, tuple[Callable[[], Any], Made]] = {}

    def install(self, patches: Patches) -> None:
        """Wrap what programs call outside of compiled functions; comes after all other taps."""
        for owner, name, function in _functions():
            patches.wrap(owner, name, lambda _, f=function: self._recording(f))  # type: ignore[misc]
        array = _array_class()
        for name in _METHODS if array is not None else ():
            again = functools.partial(_method, name)
            patches.wrap(array, name, lambda plain, f=again: self._recording(plain, f))  # type: ignore[misc]
        ufunc = type(jnp.add)
        if isinstance(vars(ufunc).get("__call__"), types.FunctionType):
            patches.wrap(ufunc, "__call__", lambda plain: self._recording(plain))
        patches.wrap(jax, "vmap", self._mapping)

    def open(self) -> None:
        """A training call is over: begin anew."""
        self.calls, self._made, self._count = [], {}, 0
        self._full = self._spent > max(self.free, SHARE * (perf_counter() - self._began))

    def nothing(self) -> None:
        """There was no evaluation on it; what the program does each time, an update by hand, is left out in future."""
        if self._count:
            self._counts = [*self._counts[1:], self._count]

    @property
    def _usual(self) -> int:
        return self._counts[0] if len(set(self._counts)) == 1 else 0

    def _recording(self, plain: Callable[..., Any], again: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """The function, put on the tape. `again`: the same for values that are traced."""
        session, function = self._session, again or plain

        def call(*args: Any, **kwargs: Any) -> Any:
            if not self._hears():
                return plain(*args, **kwargs)
            self._inside = True
            try:
                out = plain(*args, **kwargs)
            finally:
                self._inside = False
            self._count += 1
            if self._count <= self._usual:
                return out
            began = perf_counter()
            session.recorder.guard("evaluations without jit", self.record)(function, args, kwargs, out)
            self._spent += perf_counter() - began
            return out

        return call

    def _mapping(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def vmap(fun: Any, *settings: Any, **named: Any) -> Any:
            mapped = plain(fun, *settings, **named)
            recorded = self._recording(lambda f, args, kwargs: plain(f, *settings, **named)(*args, **kwargs))

            @functools.wraps(mapped)
            def call(*args: Any, **kwargs: Any) -> Any:
                return recorded(fun, args, kwargs) if self._hears() else mapped(*args, **kwargs)

            return call

        return vmap

    def _hears(self) -> bool:
        session = self._session
        return not self._inside and not self._full and session.step > 0 and not session.updating and session.listening

    def record(self, function: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Put one call on the tape, unless it gave no arrays."""
        results = [leaf for leaf in jax.tree.leaves(out) if isinstance(leaf, jax.Array)]
        self._full = self._full or len(self.calls) >= MAX_CALLS
        if not results or self._full:
            return
        leaves, tree = jax.tree.flatten(_opened((args, kwargs)))
        if any(leaf is result for leaf in leaves for result in results):
            return  # it gave back what it was given
        arguments = [self._source(leaf) for leaf in leaves]
        number = len(self.calls)
        kept = [_held(r) if r.size == 1 else weakref.ref(r) for r in results]
        self.calls.append(Call(function, arguments, tree, kept, list(_lines())))
        for i, (result, reference) in enumerate(zip(results, kept, strict=True)):
            self._made[id(result)] = reference, Made(number, i, result.size == 1)

    def _source(self, leaf: Any) -> Any:
        reference, made = self._made.get(id(leaf), (None, None))
        return made if reference is not None and reference() is leaf else leaf


def _array_class() -> Any:
    """The class of arrays, without making one: that would choose the devices before the program can."""
    try:
        from jax._src.array import ArrayImpl
    except ImportError:  # a version that has it elsewhere: what methods compute is not heard
        return None
    return ArrayImpl


def _held(value: Any) -> Callable[[], Any]:
    return lambda: value


def _functions() -> Iterator[tuple[Any, str, Any]]:
    found: set[int] = set()
    for name in _MODULES:
        owner = sys.modules.get(name)
        for attribute, function in list(vars(owner).items()) if owner is not None else ():
            if isinstance(function, _CALLABLE) and not attribute.startswith("_") and _wanted(function, name, attribute):
                found.add(id(function))
                yield owner, attribute, function
    for name in _COPIES:
        owner = sys.modules.get(name)
        for attribute, function in list(vars(owner).items()) if owner is not None else ():
            if id(function) in found:
                yield owner, attribute, function


def _wanted(function: Any, module: str, name: str) -> bool:
    """Of Optax, only losses are functions of arrays."""
    if module == "jax.lax":
        return name in _LAX
    return not module.startswith("optax") or ".losses." in str(getattr(function, "__module__", ""))


def _method(name: str, array: Any, *args: Any, **kwargs: Any) -> Any:
    return getattr(array, name)(*args, **kwargs)


def _lines() -> Iterator[tuple[str, int]]:
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def _opened(given: Any, depth: int = 0) -> Any:
    """The same with functions of the user's opened that hold arrays."""

    def open_one(leaf: Any) -> Any:
        if not isinstance(leaf, types.FunctionType) or not leaf.__closure__ or depth > 2:
            return leaf
        try:
            cells = [_opened(cell.cell_contents, depth + 1) for cell in leaf.__closure__]
        except ValueError:  # a variable that has no value yet
            return leaf
        if not any(is_value(x) for x in jax.tree.leaves(cells)):
            return leaf
        return Opened(leaf, cells)

    return jax.tree.map(open_one, given)
