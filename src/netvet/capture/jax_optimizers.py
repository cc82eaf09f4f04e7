"""Taps on Optax: which optimizers there are, what they hold, and when they update. Records `optimizers` and `lr`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from netvet.capture.jax_events import Session, UpdateLook
from netvet.capture.jax_names import path_name
from netvet.capture.jax_program import is_value
from netvet.capture.patches import Patches
from netvet.capture.site import Site, user_site

OPTIMIZERS = {
    "sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "nadam": "NAdam", "nadamw": "NAdamW", "radam": "RAdam",
    "adamax": "Adamax", "adamaxw": "AdamaxW", "adagrad": "Adagrad", "adadelta": "Adadelta", "adabelief": "AdaBelief",
    "adafactor": "Adafactor", "adan": "Adan", "amsgrad": "AMSGrad", "rmsprop": "RMSprop", "rprop": "Rprop",
    "lamb": "LAMB", "lars": "LARS", "lion": "Lion", "yogi": "Yogi", "fromage": "Fromage", "novograd": "NovoGrad",
    "noisy_sgd": "NoisySGD", "sign_sgd": "SignSGD", "sm3": "SM3", "lbfgs": "LBFGS", "sophia": "Sophia",
}  # fmt: skip
_AROUND = ("chain", "named_chain", "masked", "multi_transform", "partition", "apply_if_finite", "flatten", "lookahead")
# Parts that a chain may be made of by hand; they only carry on the name of what is in it.
_PARTS = ("scale_by_adam", "scale_by_rms", "trace", "scale", "scale_by_learning_rate", "clip_by_global_norm", "clip",
          "add_decayed_weights", "scale_by_schedule", "set_to_zero")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Making:
    """How a gradient transformation was made: the user's call, to be repeated with other settings.

    Args:
        function: the maker as Optax has it; `arguments`: as the user gave them, by name.
        result: what it gave.
    """

    name: str
    function: Callable[..., Any]
    arguments: inspect.BoundArguments | None
    result: Any


@dataclass(slots=True, eq=False)
class Optimizer:
    """One gradient transformation of the user's.

    Args:
        rate: a number, or a schedule; None where it was not given by name.
        held: names of the parameters that it was initialised with; None before.
        counted: updates that were traced or made.
        made: how it was made; `tree`: structure of the parameters that it was initialised with.
    """

    name: str
    cls: str
    site: Site | None
    rate: Any = None
    settings: dict[str, Any] = field(default_factory=dict)
    held: list[str] | None = None
    held_shapes: list[tuple[int, ...]] = field(default_factory=list)
    steps: int = 0
    inits: int = 0
    last_step: int | None = None
    update_site: Site | None = None
    hyperparams: dict[str, float] = field(default_factory=dict)
    outer: bool = False
    made: Making | None = None
    tree: Any = None

    def rate_at(self, count: int) -> float | None:
        """Learning rate of the update with this number, from 0 on."""
        if "learning_rate" in self.hyperparams:
            return self.hyperparams["learning_rate"]
        if callable(self.rate):
            return float(self.rate(count))
        return float(self.rate) if isinstance(self.rate, (int, float)) else None


class OptimizerTap:
    """Wraps what Optax makes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._depth = 0
        self.all: list[Optimizer] = []
        self._by_update: dict[int, Optimizer] = {}

    def install(self, patches: Patches) -> None:
        """Wrap the makers of optimizers; Optax must be imported."""
        import optax

        for name in (*OPTIMIZERS, *_AROUND, *_PARTS):
            if hasattr(optax, name):
                patches.wrap(optax, name, functools.partial(self._making, name))
        patches.wrap(optax, "apply_updates", self._applying)

    def _making(self, name: str, plain: Callable[..., Any]) -> Callable[..., Any]:
        def make(*args: Any, **kwargs: Any) -> Any:
            if self._session.busy or self._depth or self._session.tracing is not None:
                return plain(*args, **kwargs)
            self._depth += 1
            try:
                made = plain(*args, **kwargs)
            finally:
                self._depth -= 1
            wrap = self._session.recorder.guard("optimizers", self._wrapped)
            return wrap(name, plain, args, kwargs, made) or made

        return make

    def _wrapped(self, name: str, plain: Callable[..., Any], args: Any, kwargs: Any, made: Any) -> Any:
        inner = [
            self._by_update[id(a.update)]
            for a in _parts(args, kwargs)
            if id(getattr(a, "update", None)) in self._by_update
        ]
        for one in inner:
            one.outer = True
        named = [one for one in inner if one.cls in OPTIMIZERS.values()]
        cls = OPTIMIZERS.get(name) or (named[-1].cls if named else "GradientTransformation")
        one = Optimizer("", cls, user_site(3))
        if named and name not in OPTIMIZERS:
            one.rate, one.settings, one.site = named[-1].rate, named[-1].settings, named[-1].site
        try:
            bound = inspect.signature(plain).bind(*args, **kwargs)
        except (TypeError, ValueError):
            bound = None
        one.made = Making(name, plain, bound, made)
        given = dict(bound.arguments) if bound is not None else {}
        one.rate = given.get("learning_rate", one.rate)
        if name == "scale" and isinstance(given.get("step_size"), (int, float)):
            one.rate = abs(given["step_size"])
        if name == "scale_by_schedule" and callable(schedule := given.get("step_size_fn")):
            one.rate = functools.partial(_size_at, schedule)
        one.settings |= {k: v for k, v in given.items() if isinstance(v, (int, float, bool)) and k != "learning_rate"}
        if one.rate is None:
            rates = [i.rate for i in inner if i.rate is not None]
            one.rate = rates[-1] if rates else None
        self.all.append(one)
        result = made._replace(init=self._initialising(one, made.init), update=self._updating(one, made.update))
        self._by_update[id(result.update)] = one
        return result

    def _initialising(self, one: Optimizer, plain: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(plain)
        def init(params: Any) -> Any:
            if not self._session.busy and not self._depth:
                self._session.recorder.guard("optimizers", self._hold)(one, params)
            return self._within(plain, params)

        return init

    def _hold(self, one: Optimizer, params: Any) -> None:
        leaves = jax.tree_util.tree_leaves_with_path((params,))
        one.held = [path_name(path, sole=True) for path, leaf in leaves if is_value(leaf)]
        one.tree = jax.tree.structure(params)
        one.held_shapes = [tuple(leaf.shape) for _, leaf in leaves if is_value(leaf)]
        one.inits += 1

    def _within(self, plain: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._depth += 1
        self._session.updating += 1
        try:
            return plain(*args, **kwargs)
        finally:
            self._depth -= 1
            self._session.updating -= 1

    def _updating(self, one: Optimizer, plain: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(plain)
        def update(updates: Any, state: Any, params: Any = None, **extra: Any) -> Any:
            if self._depth or self._session.busy:
                return plain(updates, state, params, **extra)
            made = self._within(plain, updates, state, params, **extra)
            session = self._session
            if session.tracing is not None or session.listening:
                session.recorder.guard("optimizers", self._heard)(one, updates, made[0], state)
            return made

        return update

    def _heard(self, one: Optimizer, gradients: Any, updates: Any, state: Any) -> None:
        session = self._session
        one.update_site = one.update_site or user_site(4)
        leaves = [x for x in jax.tree.leaves(gradients) if is_value(x)]
        look = UpdateLook(one, leaves, [x for x in jax.tree.leaves(updates) if is_value(x)], _hyperparams(state))
        if session.tracing is None:
            if (eager := session.options.get("eager")) is not None:
                eager.updated(look)
            return
        session.tracing.updates.append(one)
        if not any(type(x).__name__ == "BatchTracer" for x in leaves):
            given = {"gradients": look.gradients, "updates": look.updates, "state": look.state}
            session.emit(functools.partial(_look, one), given)

    def _applying(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def apply_updates(params: Any, updates: Any) -> Any:
            if self._session.tracing is not None:
                self._session.tracing.applied += 1
            return plain(params, updates)

        return apply_updates

    def behind(self, update: Any) -> Optimizer | None:
        """The transformation of which this is the update, if it was heard of."""
        return self._by_update.get(id(update))

    def users(self) -> list[Optimizer]:
        """Optimizers of the user's, without those that others are made of, with names."""
        found = [one for one in self.all if not one.outer and (one.held is not None or one.steps)]
        counts: dict[str, int] = {}
        for one in found:
            counts[one.cls] = counts.get(one.cls, 0) + 1
            one.name = one.cls if counts[one.cls] == 1 else f"{one.cls}#{counts[one.cls]}"
        return found


def _size_at(schedule: Callable[[int], Any], count: int) -> float:
    """What a schedule multiplies updates with; less than zero in a chain that goes downhill by it."""
    return abs(float(schedule(count)))


def _parts(args: Any, kwargs: Any) -> list[Any]:
    """Gradient transformations among the arguments, also within lists and dictionaries."""
    found, waiting = [], [*args, *kwargs.values()]
    for one in waiting:
        if hasattr(one, "update") and hasattr(one, "init"):
            found.append(one)
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, (list, tuple)):
            waiting += one
    return found


def _hyperparams(state: Any) -> dict[str, Any]:
    """Injected settings, wherever they lie in the state."""
    waiting = [state]
    for one in waiting:
        found = getattr(one, "hyperparams", None)
        if isinstance(found, dict):
            return {k: v for k, v in found.items() if is_value(v) and getattr(v, "shape", None) == ()}
        if isinstance(one, (tuple, list)):
            waiting += one
    return {}


def _look(one: Optimizer, given: dict[str, Any]) -> UpdateLook:
    return UpdateLook(one, given["gradients"], given["updates"], given["state"])


def records(
    found: list[Optimizer], model: str, shapes: dict[str, tuple[int, ...]], *, backward: bool
) -> list[dict[str, Any]]:
    """Records of the signal `optimizers`.

    Args:
        shapes: of all parameters that losses are differentiated by, by name.
    """
    result = []
    for one in found:
        held = known_names(one, shapes)
        rate = one.rate_at(max(one.steps - 1, 0))
        group: dict[str, Any] = {
            "lr": rate,
            "initial_lr": one.rate_at(0) if callable(one.rate) else None,
            "names": held,
        }
        group |= {k: v for k, v in one.settings.items() if k in ("momentum", "eps", "weight_decay", "nesterov")}
        if "b1" in one.settings or "b2" in one.settings:
            group["betas"] = [one.settings.get("b1"), one.settings.get("b2")]
        group["parameters"] = len(held)
        result.append({
            "name": one.name, "cls": one.cls, "file": one.site.file if one.site else None,
            "line": one.site.line if one.site else None, "steps": one.steps, "last_step": one.last_step,
            "step_file": one.update_site.file if one.update_site else None,
            "step_line": one.update_site.line if one.update_site else None,
            "groups": [group], "parameters": held, "unknown_parameters": 0, "backward_seen": backward,
            "models": [model] if held else [],
        })  # fmt: skip
    return result


def known_names(one: Optimizer, shapes: dict[str, tuple[int, ...]]) -> list[str]:
    """Parameters that an optimizer holds, by the names that they have where the loss is differentiated.

    An optimizer of a part of them was initialised with shorter paths.

    Args:
        shapes: of all parameters, by name.

    Returns:
        `?` for what could not be told.
    """
    held = one.held or []
    if set(held) <= set(shapes):
        return held
    if len(held) == len(shapes):
        return list(shapes)  # all of them, by other names
    found = [_under(prefix, one) for prefix in {n[: -len(held[0])] for n in shapes if held and n.endswith(held[0])}]
    fitting = [names for names in found if [shapes.get(n) for n in names] == one.held_shapes]
    return fitting[0] if len(fitting) == 1 else ["?"] * len(held)


def _under(prefix: str, one: Optimizer) -> list[str]:
    return [prefix + name for name in one.held or ()]


def norm(arrays: list[Any]) -> float:
    """L2 norm of all elements."""
    return float(np.sqrt(sum(float(np.sum(np.square(np.asarray(a, dtype=np.float64)))) for a in arrays)))
