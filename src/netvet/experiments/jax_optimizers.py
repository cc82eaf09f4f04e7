"""The optimizer of a program of JAX for a copy of its model: that of Optax itself, or what was written out by hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import jax
import numpy as np
import torch
from torch import nn

from netvet.capture.jax_optimizers import Making, Optimizer, OptimizerTap, known_names
from netvet.capture.jax_setup import MAX_STEPS, CapturedLoss, Step
from netvet.experiments.jax_arrays import Array, array_of, tensor_of
from netvet.experiments.problem import MakeOptimizer
from netvet.experiments.setup import DEFAULT_LR

# Settings that a parameter group of PyTorch has, by the names that Optax gives them.
_SETTINGS = {"weight_decay": ("weight_decay",), "momentum": ("momentum",), "betas": ("b1", "b2")}
_CLIPS = {"clip_by_global_norm": ("norm", "max_norm"), "clip": ("value", "max_delta")}
# A step at which a schedule has a sign, though it may begin and end with zero.
MIDDLE = 1
# Of the change of the parameters, what a rule by hand may leave unexplained: rounding, in numbers of 32 bits.
UNEXPLAINED = 0.02
# A part of the rule must explain all but this share of what is left without it, and that be more than rounding.
PART, ROUNDING = 0.1, 1e-3
# Gradients of Adam's first step that are not next to nothing, and the share of them that must have moved alike.
ALIKE = 0.95


@dataclass(frozen=True)
class Taken:
    """The optimizer of a program, ready to be made for copies.

    Args:
        rates: of the program's steps, as multiples of the highest.
        clip: kind and limit of the program's clipping, which is taken out of the optimizer.
        notes: what is not as in the program.
    """

    make: MakeOptimizer
    rates: tuple[float, ...] = ()
    clip: tuple[str, float] | None = None
    notes: tuple[str, ...] = ()


def optimizer_of(captured: CapturedLoss, names: Sequence[str]) -> Taken:
    """Take the optimizer of Optax that updates the parameters; else tell the rule from two updates.

    Args:
        names: of the parameters, in the order of the program.
    """
    tap: OptimizerTap = captured.watch.session.options["optimizers"]
    heard = [one for one in tap.users() if one.held is not None and one.tree is not None]
    named = [one for one in heard if one.name in captured.place.optimizers] or heard
    if len(named) == 1:
        found = _of_optax(tap, named[0], captured, names)
        if found is not None:
            return found
    by_hand = rule_of(captured.steps) if not heard else None
    if by_hand is not None:
        return Taken(lambda model: by_hand.made_for(model), notes=(f"updates by hand: taken for {by_hand.told}",))
    return safe_start("it has several optimizers" if len(named) > 1 else "its updates are no rule that is known")


def safe_start(why: str) -> Taken:
    """Adam, where the program's own optimizer cannot be taken over."""
    return Taken(_adam, notes=(f"{why}: trials train with Adam at a learning rate of {DEFAULT_LR:g} instead",))


def _adam(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=DEFAULT_LR)


def _of_optax(tap: OptimizerTap, one: Optimizer, captured: CapturedLoss, names: Sequence[str]) -> Taken | None:
    shapes = {leaf.name: leaf.shape for leaf in captured.found.leaves}
    held = known_names(one, shapes)
    if one.made is None or "?" in held or len(set(held)) < len(held):
        return None
    count = max(len(captured.steps), min(one.steps, MAX_STEPS))
    rates = [one.rate_at(i) for i in range(count)]
    top = max((r for r in rates if r), default=0.0)
    if None in rates or not top:
        return None
    form = OptaxForm(tap, one, tuple(names[list(shapes).index(n)] for n in held), top)
    try:
        clip = _clip_of(tap, one)
        form.transformation({})
    except Exception:  # whatever a maker does with other settings
        return None
    factors = tuple(float(r) / top for r in rates if r is not None)
    return Taken(form.made_for, factors if min(factors) < max(factors) else (), clip)


def _clip_of(tap: OptimizerTap, one: Optimizer) -> tuple[str, float] | None:
    """The clipping of gradients that a chain begins with."""
    if one.made is None or one.made.name != "chain" or one.made.arguments is None:
        return None
    first = next(iter(one.made.arguments.args), None)
    part = tap.behind(getattr(first, "update", None))
    if part is None or part.made is None or part.made.name not in _CLIPS or part.made.arguments is None:
        return None
    kind, name = _CLIPS[part.made.name]
    limit = part.made.arguments.arguments.get(name)
    return (kind, float(limit)) if isinstance(limit, (int, float)) else None


@dataclass
class OptaxForm:
    """What an optimizer of Optax is made of.

    Args:
        held: names of its parameters, in its own order; `rate`: its highest learning rate.
    """

    tap: OptimizerTap
    one: Optimizer
    held: tuple[str, ...]
    rate: float
    _updates: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def made_for(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimizer for a copy of the model."""
        named = dict(model.named_parameters(remove_duplicate=False))
        defaults = {"lr": self.rate, "weight_decay": 0.0, **self._settings()}
        kind = type(self.one.cls, (OptaxOptimizer,), {})
        made: torch.optim.Optimizer = kind(self, [named[name] for name in self.held], defaults)
        return made

    def _settings(self) -> dict[str, Any]:
        """Settings of the maker that experiments may change."""
        given: dict[str, Any] = {}
        for one in self._makings(self.one.made):
            signature = one.arguments.signature.parameters if one.arguments is not None else {}
            arguments = one.arguments.arguments if one.arguments is not None else {}
            for name, keys in _SETTINGS.items():
                values = [arguments.get(k, signature[k].default) for k in keys if k in signature]
                if len(values) == len(keys) and all(isinstance(v, (int, float)) for v in values):
                    given[name] = tuple(map(float, values)) if len(keys) > 1 else float(values[0])
        return given

    def _makings(self, made: Making | None) -> list[Making]:
        if made is None:
            return []
        inner = [self.tap.behind(update) for update in _updates_in(made)]
        return [made, *(m for one in inner if one is not None for m in self._makings(one.made))]

    def update(self, settings: Mapping[str, Any]) -> tuple[Any, Any]:
        """The beginning of a state, and a compiled update, with these settings."""
        key = repr(sorted(settings.items()))
        if key not in self._updates:
            made = self.transformation(settings)
            # What has no weight decay of its own gets it beside its updates.
            decay = 0.0 if "weight_decay" in self._settings() else settings.get("weight_decay", 0.0) * self.rate

            def update(gradients: list[Any], state: Any, parameters: list[Any], scale: Any) -> tuple[list[Any], Any]:
                tree = self.one.tree
                given, held = jax.tree.unflatten(tree, gradients), jax.tree.unflatten(tree, parameters)
                updates, state = made.update(given, state, held)
                moves = jax.tree.leaves(updates)
                pairs = zip(parameters, moves, strict=True)
                return [(p + scale * (m - decay * p)).astype(p.dtype) for p, m in pairs], state

            def begin(parameters: list[Any]) -> Any:
                return made.init(jax.tree.unflatten(self.one.tree, parameters))

            self._updates[key] = begin, jax.jit(update)
        return self._updates[key]

    def transformation(self, settings: Mapping[str, Any]) -> Any:
        """The gradient transformation with a constant learning rate: the highest of the program's."""
        assert self.one.made is not None
        made = self.one.made
        if made.name == "chain" and made.arguments is not None and _clip_of(self.tap, self.one) is not None:
            parts = [self._part(part, settings) for part in made.arguments.args[1:]]  # trials clip by themselves
            return made.function(*parts)
        return self._remade(made, settings)

    def _remade(self, made: Making, settings: Mapping[str, Any]) -> Any:
        if made.arguments is None:
            return made.result
        signature, given = made.arguments.signature, dict(made.arguments.arguments)
        known = signature.parameters
        wanted = {n: self._part(value, settings) for n, value in given.items()}
        if "learning_rate" in known:
            wanted["learning_rate"] = self.rate
        if made.name == "scale_by_schedule":
            sign = float(np.sign(float(given["step_size_fn"](MIDDLE)))) or -1.0
            wanted["step_size_fn"] = lambda count: sign * self.rate
        changed = {**settings, **dict(zip(("b1", "b2"), settings.get("betas", ()), strict=False))}
        wanted |= {n: changed[n] for n in ("weight_decay", "momentum", "b1", "b2") if n in changed and n in known}
        ordered: Any = {n: wanted[n] for n in known if n in wanted}
        bound = inspect.BoundArguments(signature, ordered)
        return made.function(*bound.args, **bound.kwargs)

    def _part(self, value: Any, settings: Mapping[str, Any]) -> Any:
        """What a maker was given, with the transformations in it made anew."""
        known = self.tap.behind(getattr(value, "update", None))
        if known is not None and known.made is not None:
            return self._remade(known.made, settings)
        if type(value) in (list, tuple):
            return type(value)(self._part(v, settings) for v in value)
        if type(value) is dict:
            return {k: self._part(v, settings) for k, v in value.items()}
        return value


def _updates_in(made: Making) -> list[Any]:
    found, waiting = [], list(made.arguments.arguments.values()) if made.arguments is not None else []
    for one in waiting:
        if hasattr(one, "update") and hasattr(one, "init"):
            found.append(one.update)
        elif isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, (list, tuple)):
            waiting += one
    return found


class OptaxOptimizer(torch.optim.Optimizer):
    """A gradient transformation of Optax that updates tensors; its class has the name of the optimizer."""

    def __init__(self, form: OptaxForm, parameters: list[torch.Tensor], defaults: dict[str, Any]) -> None:
        super().__init__(parameters, defaults)
        self._form, self._held, self._own = form, parameters, dict(defaults)
        self._state: Any = None

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update with the gradients that are there; frozen parameters stay."""
        del closure
        group = self.param_groups[0]
        settings = {n: group[n] for n in _SETTINGS if n in group and group[n] != self._own.get(n)}
        begin, update = self._form.update(settings)
        held = [array_of(p, str(p.dtype).removeprefix("torch.")) for p in self._held]
        zeros = [torch.zeros_like(p) if p.grad is None else p.grad for p in self._held]
        gradients = [array_of(g, p.dtype) for g, p in zip(zeros, held, strict=True)]
        if self._state is None:
            self._state = begin(held)
        moved, self._state = update(gradients, self._state, held, np.float32(group["lr"] / self._form.rate))
        for parameter, value in zip(self._held, moved, strict=True):
            if parameter.requires_grad:
                parameter.copy_(tensor_of(value))


@dataclass(frozen=True)
class Rule:
    """An update that is written out by hand, in the words of PyTorch."""

    name: str
    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0

    @property
    def told(self) -> str:
        """In words."""
        more = [f"{n} {v:.3g}" for n, v in (("momentum", self.momentum), ("weight decay", self.weight_decay)) if v]
        return " and ".join([f"{self.name} with a learning rate of {self.lr:.3g}", *more])

    def made_for(self, model: nn.Module) -> torch.optim.Optimizer:
        """The optimizer for a copy of the model."""
        parameters = [p for p in model.parameters() if p.requires_grad]
        if self.name == "Adam":
            return torch.optim.Adam(parameters, lr=self.lr)
        return torch.optim.SGD(parameters, self.lr, momentum=self.momentum, weight_decay=self.weight_decay)


def rule_of(steps: Sequence[Step]) -> Rule | None:
    """The rule that took the parameters of the first step to those of the next; None where it is none that is known."""
    early = [s for s in steps[:3] if s.parameters]
    following = [b.number == a.number + 1 for a, b in pairwise(early)]
    if not following or not following[0]:
        return None
    p = [_flat(s.parameters) for s in early]
    g = [_flat(s.gradients) for s in early]
    move = p[1] - p[0]
    if not np.isfinite(move).all() or not move.any():
        return None
    (lr,), rest = _fitted(move, [-g[0]])
    decay = 0.0
    (beside, pulled), less = _fitted(move, [-g[0], -p[0]])
    if rest > ROUNDING and less < PART * rest:
        lr, rest, decay = beside, less, pulled / beside if beside > 0 else 0.0
    if rest <= UNEXPLAINED and lr > 0 and 0 <= decay < 1:
        momentum = _momentum(p, g, move, lr, decay) if len(p) > 2 and following[1] else 0.0
        return None if momentum is None else Rule("SGD", _short(lr), _short(momentum), _short(decay))
    large = np.abs(g[0]) > 1e-3 * np.abs(g[0]).max()
    sizes = np.abs(move[large])
    rate = float(np.median(sizes))
    alike = (np.abs(sizes - rate) <= UNEXPLAINED * rate) & (np.sign(move[large]) == -np.sign(g[0][large]))
    return Rule("Adam", _short(rate)) if rate > 0 and alike.mean() >= ALIKE else None


def _momentum(p: list[Array], g: list[Array], move: Array, lr: float, decay: float) -> float | None:
    """What of the first move comes again in the second; None where that does not explain it."""
    second = p[2] - p[1]
    size = float(np.linalg.norm(second)) or 1.0
    (again, factor), rest = _fitted(second, [-(g[1] + decay * p[1]), move])
    if rest > UNEXPLAINED or again <= 0:
        return None
    # A part of the move that is within rounding is none.
    return factor if abs(factor) * float(np.linalg.norm(move)) > UNEXPLAINED * size and 0 < factor < 1 else 0.0


def _fitted(wanted: Array, columns: list[Array]) -> tuple[list[float], float]:
    """Least squares: the factors of the columns, and the share that they leave unexplained."""
    factors, *_ = np.linalg.lstsq(np.stack(columns, 1), wanted, rcond=None)
    rest = wanted - np.stack(columns, 1) @ factors
    return [float(f) for f in factors], float(np.linalg.norm(rest) / (np.linalg.norm(wanted) or 1.0))


def _flat(arrays: Sequence[Array]) -> Array:
    return np.concatenate([np.asarray(a, dtype=np.float64).reshape(-1) for a in arrays])


def _short(value: float) -> float:
    """Without the digits that rounding has left."""
    return float(f"{value:.3g}")
