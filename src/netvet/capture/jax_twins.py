"""Outer calls of compiled functions: when they are repeated, and what the arguments and results tell at every call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import jax

from netvet.capture.jax_events import Session, Tracing
from netvet.capture.jax_program import is_value
from netvet.capture.patches import Patches

# Different signatures of one function that are repeated; a function that is given ever new ones is left alone.
MAX_TWINS = 8
# Arguments with more elements than this are copied to be repeated only on the first steps.
_CONTROL = ("scan", "cond", "switch", "while_loop", "fori_loop", "map", "associative_scan")


@dataclass(slots=True, eq=False)
class Twin:
    """A function with arguments of one form, as it is repeated.

    Attributes:
        tracing: what its taps met; None before the first repetition.
        call: the compiled repetition; gives nothing but what its taps deliver.
        updates: updates of optimizers in one call, as the first repetition has shown.
        results: leaves of what the function returns that are the loss; None while unknown.
        failed: why it is not repeated.
    """

    call: Callable[[list[Any]], Any]
    tracing: Tracing | None = None
    updates: int = 0
    results: list[int] | None = None
    failed: str | None = None
    places: dict[int, int] = field(default_factory=dict)
    seen: int = 0
    extra: dict[str, Any] = field(default_factory=dict)


class Unit:
    """A function that the user has compiled; behaves as what it stands for.

    Attributes:
        devices: each device has its own arguments.
        counts: sites of the losses of one call, and its updates, where it trains; None where calls are `uneven`.
    """

    def __init__(self, session: Session, function: Any, inner: Any, static: tuple[set[int], set[str]]) -> None:
        self._session, self._function, self._inner, self._static = session, function, inner, static
        self._twins: dict[Any, Twin] = {}
        self.devices = False
        self.counts: tuple[list[str], int] | None = None
        self.uneven = False
        functools.update_wrapper(self, function)

    def __getattr__(self, name: str) -> Any:
        if "_inner" not in self.__dict__:  # while it is being unpickled
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else functools.partial(self, instance)

    def __repr__(self) -> str:
        return repr(self._inner)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        session = self._session
        if session.tracing is not None and not session.busy:
            return self._function(*args, **kwargs)  # traced anew: what is kept from before has no taps in it
        if not session.listening:
            return self._inner(*args, **kwargs)
        outer = session.options.get("outer")
        if outer is None:
            return self._inner(*args, **kwargs)
        if self.counts is not None and outer.rests(self):
            out = self._inner(*args, **kwargs)
            outer.passed_over(self, out)
            return out
        start = perf_counter()
        began = session.recorder.guard("repetition", self._begin)(outer, args, kwargs)
        before = perf_counter()
        out = self._inner(*args, **kwargs)
        after = perf_counter()
        looked = began is None or began[0].extra.get("looks") is not None
        if began is not None:
            session.recorder.guard("repetition", outer.end)(self, *began, out)
            if began[0].extra.get("scored", self) is None:
                session.recorder.guard("repetition", session.options["tape"].record)(self, args, kwargs, out)
        outer.spent += 0.0 if looked else before - start + perf_counter() - after
        session.ask()
        return out

    def _begin(self, outer: Any, args: Any, kwargs: Any) -> tuple[Twin, list[Any]] | None:
        twin, values = self.twin(args, kwargs)
        if twin is None or twin.failed is not None:
            return None
        outer.begin(self, twin, values, functools.partial(self._settle, args, kwargs))
        return twin, values

    def _settle(self, args: Any, kwargs: Any) -> None:
        """Have the user's own function traced before its repetition is: what JAX keeps of it must be without taps."""
        trace = getattr(self._inner, "trace", None)
        if trace is not None:
            with self._session.alone():
                trace(*args, **kwargs)

    def twin(self, args: Any, kwargs: Any) -> tuple[Twin | None, list[Any]]:
        """Its repetition for arguments of this form, with their arrays; None where it is left alone."""
        positions, names = self._static
        fixed_args = [a if i in positions else None for i, a in enumerate(args)]
        fixed_kwargs = {k: v for k, v in kwargs.items() if k in names}
        moving = (
            [None if i in positions else a for i, a in enumerate(args)],
            {k: v for k, v in kwargs.items() if k not in names},
        )
        values, tree = jax.tree.flatten(moving)
        if not all(is_value(v) or isinstance(v, (int, float, complex)) for v in values):
            return None, []
        form = tuple((getattr(v, "shape", ()), getattr(v, "dtype", type(v))) for v in values)
        key = (tree, form, tuple(fixed_args), tuple(sorted(fixed_kwargs.items(), key=lambda kv: kv[0])))
        try:
            twin = self._twins.get(key)
        except TypeError:  # a static argument that cannot be told from others; JAX itself refuses it
            return None, []
        if twin is None:
            if len(self._twins) >= MAX_TWINS:
                return None, []
            twin = self._twins[key] = Twin(lambda _: None)
            twin.extra["devices"] = self.devices
            twin.extra["forms"] = [jax.ShapeDtypeStruct(v.shape, v.dtype) if is_value(v) else v for v in values]
            twin.call = self._repetition(twin, tree, fixed_args, fixed_kwargs)
        return twin, values

    def _repetition(self, twin: Twin, tree: Any, fixed_args: Any, fixed_kwargs: Any) -> Callable[[list[Any]], Any]:
        session, positions = self._session, self._static[0]

        def pure(inner: list[Any]) -> Any:
            tracing = session.tracing
            assert tracing is not None
            args, kwargs = jax.tree.unflatten(tree, inner)
            given = [fixed_args[i] if i in positions else a for i, a in enumerate(args)]
            tracing.inputs = list(inner)
            out = self._function(*given, **fixed_kwargs, **kwargs)
            session.options["outer"].traced(twin, tracing)
            return [leaf for leaf in jax.tree.leaves(out) if is_value(leaf)]

        twin.extra |= {"pure": pure, "tag": getattr(self._function, "ctxtag", None)}

        def repeat(values: list[Any]) -> tuple[()]:
            with session.repeating() as tracing:
                twin.tracing = tracing
                closed = jax.make_jaxpr(pure)(values)
                tracing.inputs = []
                session.options["outer"].evaluate(twin, tracing, closed, values)
            return ()

        compiled: Callable[[list[Any]], Any] = session.originals["jit"](repeat)
        return compiled


def tap_compilation(session: Session, patches: Patches) -> None:
    """Hear of functions that are compiled, and have what they call traced anew in repetitions."""
    session.originals |= {"jit": jax.jit, "vmap": jax.vmap}
    patches.wrap(jax, "jit", lambda plain: _compiling(session, plain))
    patches.wrap(jax, "pmap", lambda plain: _compiling(session, plain, axis_name=True))
    for name in _CONTROL:
        patches.wrap(jax.lax, name, lambda plain: _fresh(session, plain))
    for owner in (jax, jax.ad_checkpoint if hasattr(jax, "ad_checkpoint") else jax):
        for name in ("checkpoint", "remat"):
            patches.wrap(owner, name, lambda plain: _transparent(session, plain))
    for name in ("print", "callback"):
        patches.wrap(jax.debug, name, lambda plain: _once(session, plain))


def _compiling(session: Session, plain: Callable[..., Any], *, axis_name: bool = False) -> Callable[..., Any]:
    def jit(fun: Any = None, *args: Any, **settings: Any) -> Any:
        if fun is None or not callable(fun):
            made = plain(*(() if fun is None else (fun,)), *args, **settings)
            return made if not callable(made) else lambda f: jit(f, *args, **settings)
        inner = plain(fun, *args, **settings)
        if session.busy or session.ended:
            return inner
        if axis_name:
            return _over_devices(session, fun, inner, args, settings)
        return Unit(session, fun, inner, _static_of(fun, settings))

    return jit


def _over_devices(session: Session, fun: Any, inner: Any, args: Any, settings: dict[str, Any]) -> Any:
    """`pmap`, repeated as `vmap` over the same axis; where it has other settings, it is left alone."""
    name = args[0] if args else settings.get("axis_name")
    if len(args) > 1 or name is None or not set(settings) <= {"axis_name", "donate_argnums", "in_axes", "out_axes"}:
        return inner
    axes = {k: settings[k] for k in ("in_axes", "out_axes") if k in settings}
    mapped = session.originals["vmap"](fun, axis_name=name, **axes)
    unit = Unit(session, functools.wraps(fun)(mapped), inner, (set(), set()))
    unit.devices = True
    return unit


def _static_of(fun: Any, settings: dict[str, Any]) -> tuple[set[int], set[str]]:
    """Positions and names of static arguments; JAX takes either for both."""
    numbers, names = settings.get("static_argnums") or (), settings.get("static_argnames") or ()
    positions = {numbers} if isinstance(numbers, int) else set(numbers)
    words = {names} if isinstance(names, str) else set(names)
    try:
        parameters = list(inspect.signature(fun).parameters)
    except (TypeError, ValueError):
        return positions, words
    positions = {p % len(parameters) if p < 0 else p for p in positions}
    words |= {parameters[p] for p in positions if p < len(parameters)}
    return positions | {i for i, name in enumerate(parameters) if name in words}, words


def _fresh(session: Session, plain: Callable[..., Any]) -> Callable[..., Any]:
    """Control flow whose bodies are new functions in a repetition, so that they are traced and not looked up."""

    def control(*args: Any, **kwargs: Any) -> Any:
        if session.tracing is None or session.busy:
            return plain(*args, **kwargs)
        return plain(*(_anew(a) for a in args), **{k: _anew(v) for k, v in kwargs.items()})

    return control


def _anew(given: Any) -> Any:
    if isinstance(given, (list, tuple)) and given and all(inspect.isfunction(g) for g in given):
        return [_anew(g) for g in given]
    if not inspect.isfunction(given):
        return given

    @functools.wraps(given)
    def again(*args: Any, **kwargs: Any) -> Any:
        return given(*args, **kwargs)

    return again


def _transparent(session: Session, plain: Callable[..., Any]) -> Callable[..., Any]:
    def checkpoint(fun: Any = None, **settings: Any) -> Any:
        if fun is None:
            return functools.partial(checkpoint, **settings)
        inner = plain(fun, **settings)

        @functools.wraps(fun)
        def call(*args: Any, **kwargs: Any) -> Any:
            return (inner if session.tracing is None or session.busy else fun)(*args, **kwargs)

        return call

    return checkpoint


def _once(session: Session, plain: Callable[..., Any]) -> Callable[..., Any]:
    """What prints or calls back does so for the user's own call only."""
    session.originals.setdefault(f"debug_{plain.__name__.strip('_').split('_')[-1]}", plain)

    def effect(*args: Any, **kwargs: Any) -> Any:
        return None if session.tracing is not None else plain(*args, **kwargs)

    return effect
