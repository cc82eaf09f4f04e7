"""Evaluations that are not compiled: the tape of each batch as one function, heard as a compiled one would be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import jax

from netvet.capture.jax_events import Leaf, Session
from netvet.capture.jax_program import SCOPE, is_value
from netvet.capture.jax_tape import Call, Made, Tape
from netvet.capture.jax_twins import Unit
from netvet.capture.site import own_sites


@dataclass(frozen=True, slots=True)
class _Line:
    file_name: str
    line_num: int


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """Lines that were running when a call was made, as JAX's own traceback has them."""

    frames: tuple[_Line, ...]


@dataclass(frozen=True, slots=True)
class _Given:
    """An argument of the function that a part of the tape is made into."""

    number: int


class Part:
    """The calls of one batch.

    Args:
        parameters: current values; a call that takes one of these begins with it, whatever has made it.
    """

    def __init__(self, calls: dict[int, Call], parameters: list[Any]) -> None:
        self._parameters = {id(p): i for i, p in enumerate(parameters)}
        self.values: list[Any] = list(parameters)
        self.touched = 0
        known = dict(self._parameters)
        numbers = {at: n for n, at in enumerate(calls)}
        self.steps = [self._step(call, numbers, known) for call in calls.values()]
        self.numbers = [r() for call in calls.values() for r in call.results if getattr(r(), "size", 0) == 1]
        self.frames = [Frames(tuple(_Line(*line) for line in call.lines)) for call in calls.values()]

    def _step(self, call: Call, numbers: dict[int, int], known: dict[int, int]) -> tuple[Any, Any, list[Any], int]:
        arguments: list[Any] = []
        for leaf in call.arguments:
            if isinstance(leaf, Made) and leaf.call in numbers:
                arguments.append(Made(numbers[leaf.call], leaf.result, leaf.single))
            elif is_value(leaf):
                if id(leaf) not in known:
                    known[id(leaf)] = len(self.values)
                    self.values.append(leaf)
                self.touched += id(leaf) in self._parameters
                arguments.append(_Given(known[id(leaf)]))
            else:
                arguments.append(leaf)
        return call.function, call.tree, arguments, len(call.results)

    @property
    def form(self) -> Any:
        """Equal for parts that do the same with other numbers."""
        shapes = tuple((v.shape, str(v.dtype)) for v in self.values)
        return shapes, tuple((id(f), tree, tuple(_form(a) for a in args)) for f, tree, args, _ in self.steps)

    def run(self, session: Session, values: list[Any]) -> list[Any]:
        """The numbers that it gives, with other values."""
        made: list[list[Any]] = []
        for n, (function, tree, arguments, _) in enumerate(self.steps):
            leaves = [_value(a, values, made) for a in arguments]
            args, kwargs = jax.tree.unflatten(tree, leaves)
            if session.tracing is not None:
                sites = own_sites((f.file_name, f.line_num) for f in self.frames[n].frames)
                session.tracing.at = next(iter(sites), None)
            with jax.named_scope(f"{SCOPE}{n}_"):
                out = function(*args, **kwargs)
            made.append([leaf for leaf in jax.tree.leaves(out) if isinstance(leaf, (jax.Array, jax.core.Tracer))])
        return [one for results in made for one in results if one.size == 1]


def _value(argument: Any, values: list[Any], made: list[list[Any]]) -> Any:
    if isinstance(argument, _Given):
        return values[argument.number]
    return made[argument.call][argument.result] if isinstance(argument, Made) else argument


def _form(argument: Any) -> Any:
    return argument if isinstance(argument, (_Given, Made, int, float, str, bool)) else repr(argument)


def parts(calls: list[Call], parameters: list[Any]) -> Iterable[Part]:
    """The calls in groups that have arrays in common, other than the parameters: one group for each batch."""
    current = {id(p) for p in parameters}
    group = list(range(len(calls)))

    def find(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    for i, call in enumerate(calls):
        for n, leaf in enumerate(call.arguments):
            if not isinstance(leaf, Made):
                continue
            value = calls[leaf.call].results[leaf.result]()
            if value is not None and (leaf.single or id(value) in current):
                call.arguments[n] = value  # a parameter, or a number on which totals are added up
            else:
                group[find(i)] = find(leaf.call)
    found: dict[int, dict[int, Call]] = {}
    for i, call in enumerate(calls):
        found.setdefault(find(i), {})[i] = call
    for one in found.values():
        part = Part(one, parameters)
        if part.touched:
            yield part


class Replayed:
    """Hears evaluations on the tape; at the next training call, which shows where the parameters are."""

    part = "evaluations without jit"

    def __init__(self, session: Session, tape: Tape) -> None:
        self._session, self._tape = session, tape
        self._units: dict[Any, Unit | None] = {}
        self._out: Any = None
        self._where: list[tuple[str, int, int]] | None = None

    def begins(self, parameters: list[Any]) -> None:
        """A training call comes, with these parameters."""
        if self._where is None and self._out is not None:
            self._where = self._places(parameters)
        self._close(parameters)

    def trained(self, out: Any) -> None:
        """A training call has given this; it is kept until the next one where the parameters are in it."""
        self._tape.open()
        self._out = out if self._where is None or self._where else None

    def ends(self) -> None:
        """The program is over: the parameters are where they have been after every training call."""
        found: list[Any] = []
        results = jax.tree.leaves(self._out)
        for kind, at, result in self._where or ():
            if kind == "result":
                found.append(results[at] if at < len(results) else None)
            else:
                calls = self._tape.calls
                found.append(calls[at].results[result]() if at < len(calls) else None)
        if found and all(one is not None for one in found):
            self._close(found)

    def _places(self, parameters: list[Any]) -> list[tuple[str, int, int]]:
        known = {id(r): ("result", i, 0) for i, r in enumerate(jax.tree.leaves(self._out))}
        for n, call in enumerate(self._tape.calls):
            known |= {id(r()): ("call", n, i) for i, r in enumerate(call.results) if r() is not None}
        found = [known.get(id(p)) for p in parameters]
        return [at for at in found if at is not None] if all(found) else []

    def _close(self, parameters: list[Any]) -> None:
        calls, session = self._tape.calls, self._session
        if not calls or any(getattr(p, "is_deleted", bool)() for p in parameters):
            return
        heard = False
        for one in parts(calls, parameters):
            if not any(getattr(v, "is_deleted", bool)() for v in one.values):
                heard = bool(session.recorder.guard(self.part, self._hear)(one)) or heard
        if not heard:
            self._tape.nothing()
        self._tape.open()

    def _hear(self, part: Part) -> bool:
        """Take in one batch; whether it is scored."""
        form, values = part.form, part.values
        if form not in self._units:
            self._units[form] = Unit(self._session, _function(part, self._session), None, (set(), set()))
        unit = self._units[form]
        if unit is None:
            return False
        outer, evaluations = self._session.options["outer"], self._session.options["evaluations"]
        twin, values = unit.twin((values,), {})
        if twin is None:
            return False
        twin.extra |= {"site": None, "frames": part.frames}
        if twin.tracing is None or evaluations.wanted(twin):
            outer.repeat(twin, values)
        if twin.extra.get("scored") is None:
            self._units[form] = None
            return False
        evaluations.ended(twin, values, part.numbers)
        return True


def parameters_among(values: list[Any], leaves: list[Leaf]) -> list[Any] | None:
    """Those of these values that have the shapes of the parameters, in their order; None where some are missing."""
    found, waiting = [], iter(values)
    for leaf in leaves:
        form = leaf.shape, leaf.dtype
        one = next((v for v in waiting if is_value(v) and (tuple(v.shape), str(v.dtype)) == form), None)
        if one is None:
            return None
        found.append(one)
    return found


def _function(part: Part, session: Session) -> Any:
    part.values = []  # not to be kept alive

    def evaluation(values: list[Any]) -> list[Any]:
        return part.run(session, values)

    return evaluation
