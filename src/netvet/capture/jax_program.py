"""A function of JAX as a flat list of operations: its jaxpr with inner calls written out, ready to be read and run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import jax
from jax.extend import core as jex

from netvet.capture.site import Site, own_sites, site_in

# Calls that only group operations; what is within is written out in their place. Rules of differentiation
# (`custom_jvp_call`) stay whole, since the gradient of what is within would be another one.
_GROUPS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "closed_call": "call_jaxpr",
    "core_call": "call_jaxpr",
    "remat2": "jaxpr",
    "checkpoint": "jaxpr",
}
# Functions of JAX that are one operation to whoever reads a net.
_WHOLE = frozenset({"log_softmax", "relu", "sigmoid", "silu", "gelu", "elu", "softplus", "leaky_relu", "logsumexp"})
# How netvet names a call that it has marked: the number says which one.
MARK = "netvet_call_"
# Name of the scope around each call of a tape that runs again: by its number, the lines of the call are found.
SCOPE = "netvet_taped_"
_SCOPE = re.compile(SCOPE + r"(\d+)_")
# Side effects that must not happen twice: such a function is left alone.
_EFFECTS = frozenset({"io_callback", "host_callback_call", "outside_call", "infeed", "outfeed"})
_SILENT = frozenset({"debug_callback", "debug_print"})


class Unwatchable(Exception):
    """A function that cannot be repeated without harm."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One operation of a program.

    Args:
        name: of the primitive, or of the function that it stands for (`log_softmax`, `netvet_call_3`).
        inputs: numbers of the values that enter it; `outputs`: of those that it makes.
        scope: names around it (`MLP/Dense_0`).
    """

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    params: Mapping[str, Any]
    primitive: Any
    scope: str = ""
    frames: Any = None

    @property
    def site(self) -> Site | None:
        """The user's line that asked for it."""
        return _site(self.frames) if self.frames is not None else None

    @property
    def sites(self) -> tuple[Site, ...]:
        """All lines of the user's that were running, the innermost first."""
        return _sites(self.frames) if self.frames is not None else ()


@cache
def _sites(traceback: Any) -> tuple[Site, ...]:
    return own_sites((f.file_name, f.line_num) for f in traceback.frames)


@cache
def _site(traceback: Any) -> Site | None:
    return site_in((f.file_name, f.line_num) for f in traceback.frames)


@dataclass(slots=True)
class Program:
    """Operations in the order in which they run; values are numbers from 0 on.

    Attributes:
        avals: shape and dtype of each value.
        known: values that are no result of an operation and no argument: constants and literals.
        closed_over: those of them that are arrays which the function takes from around it.
        arguments, results: their values in order.
        makers: the operation that makes a value; `users`: those that take it.
    """

    operations: list[Operation] = field(default_factory=list)
    avals: list[Any] = field(default_factory=list)
    known: dict[int, Any] = field(default_factory=dict)
    closed_over: list[int] = field(default_factory=list)
    arguments: list[int] = field(default_factory=list)
    results: list[int] = field(default_factory=list)
    makers: dict[int, Operation] = field(default_factory=dict)
    users: dict[int, list[Operation]] = field(default_factory=dict)

    def shape(self, value: int) -> tuple[int, ...]:
        """Shape of a value."""
        return tuple(getattr(self.avals[value], "shape", ()))

    def dtype(self, value: int) -> str:
        """Name of the dtype of a value."""
        return str(getattr(self.avals[value], "dtype", "?"))

    def is_float(self, value: int) -> bool:
        """Whether a value can have a gradient."""
        return self.dtype(value).startswith(("float", "bfloat", "complex"))

    def evaluate(self, arguments: Sequence[Any]) -> dict[int, Any]:
        """All values of the program for these arguments; under a trace too."""
        return self.continued(dict(zip(self.arguments, arguments, strict=True)), self.operations)

    def continued(
        self,
        given: Mapping[int, Any],
        operations: Iterable[Operation],
        instead: Mapping[int, Callable[[dict[int, Any]], Any]] | None = None,
    ) -> dict[int, Any]:
        """The values that are given and those that some of the operations make of them.

        Args:
            instead: what makes the output of an operation in its place, by the number of that output.
        """
        values: dict[int, Any] = {**self.known, **given}
        other = instead or {}
        for op in operations:
            if op.name in _SILENT:
                continue
            if op.outputs and op.outputs[0] in other:
                values[op.outputs[0]] = other[op.outputs[0]](values)
                continue
            bound = op.primitive.get_bind_params(dict(op.params))
            functions, params = bound if isinstance(bound, tuple) else ((), bound)  # before and from JAX 0.9 on
            found = op.primitive.bind(*functions, *(values[i] for i in op.inputs), **params)
            found = found if op.primitive.multiple_results else [found]
            values.update(zip(op.outputs, found, strict=True))
        return values

    def behind(self, value: int, names: Iterable[str]) -> tuple[int, list[Operation]]:
        """Go back through operations of these names along their first input that is no constant.

        Returns:
            The value behind them, and the operations, the last first.
        """
        wanted, passed = frozenset(names), []
        while (op := self.makers.get(value)) is not None and op.name in wanted:
            ways = [i for i in op.inputs if i not in self.known]
            if not ways:
                break
            passed.append(op)
            value = ways[0]
        return value, passed

    def upstream(self, values: Iterable[int], stop: Callable[[Operation], bool] = lambda _: False) -> set[int]:
        """All values that these depend on, and they themselves; not through operations that are to stop it."""
        found: set[int] = set()
        waiting = list(values)
        while waiting:
            value = waiting.pop()
            if value in found:
                continue
            found.add(value)
            op = self.makers.get(value)
            if op is not None and not stop(op):
                waiting += op.inputs
        return found

    def downstream(self, values: Iterable[int], stop: Callable[[Operation], bool] = lambda _: False) -> set[int]:
        """All values that depend on these, and they themselves."""
        found = set(values)
        for op in self.operations:
            if not stop(op) and found.intersection(op.inputs):
                found.update(op.outputs)
        return found


def program_of(closed: Any, lines: Sequence[Any] = ()) -> Program:
    """The program of a closed jaxpr.

    Args:
        lines: of a tape: what was running at each of its calls.

    Raises:
        Unwatchable: it has side effects.
    """
    program = Program()
    names: dict[Any, int] = {}
    for variable in closed.jaxpr.invars:
        names[variable] = _new(program, variable.aval)
        program.arguments.append(names[variable])
    for variable, value in zip(closed.jaxpr.constvars, closed.consts, strict=True):
        names[variable] = _new(program, variable.aval)
        program.known[names[variable]] = value
        program.closed_over.append(names[variable])
    program.results = _write_out(program, closed.jaxpr, names, "", None)
    if lines:
        program.operations = [_at_its_line(op, lines) for op in program.operations]
    for op in program.operations:
        program.makers.update(dict.fromkeys(op.outputs, op))
        for value in dict.fromkeys(op.inputs):
            program.users.setdefault(value, []).append(op)
    return program


def _at_its_line(op: Operation, lines: Sequence[Any]) -> Operation:
    found = _SCOPE.search(op.scope)
    return op if found is None else replace(op, frames=lines[int(found[1])], scope=_SCOPE.sub("", op.scope))


def _new(program: Program, aval: Any) -> int:
    program.avals.append(aval)
    return len(program.avals) - 1


def _write_out(program: Program, jaxpr: Any, names: dict[Any, int], scope: str, frames: Any) -> list[int]:
    """Append the operations of a jaxpr whose inputs have numbers; the numbers of its outputs."""

    def number(atom: Any) -> int:
        if isinstance(atom, jex.Literal):
            found = _new(program, atom.aval)
            program.known[found] = atom.val
            return found
        return names[atom]

    for equation in jaxpr.eqns:
        kind = equation.primitive.name
        if kind in _EFFECTS:
            raise Unwatchable(f"it calls back into Python ({kind})")
        inputs = tuple(number(atom) for atom in equation.invars)
        inner = "/".join(p for p in (scope, str(equation.source_info.name_stack)) if p)
        place = equation.source_info.traceback or frames
        name = str(equation.params.get("name") or kind)
        group = equation.params.get(_GROUPS.get(kind, ""))
        if group is None or name.startswith(MARK) or name in _WHOLE:
            outputs = tuple(_new(program, v.aval) for v in equation.outvars)
            whole = name if kind in _GROUPS or kind.startswith("custom_") else kind
            program.operations.append(
                Operation(whole, inputs, outputs, equation.params, equation.primitive, inner, place)
            )
        else:
            body = getattr(group, "jaxpr", group)
            within = dict(zip(body.invars, inputs, strict=True))
            for variable, value in zip(body.constvars, getattr(group, "consts", ()), strict=True):
                within[variable] = _new(program, variable.aval)
                program.known[within[variable]] = value
            outputs = tuple(_write_out(program, body, within, inner, place))
        names.update(zip(equation.outvars, outputs, strict=True))
    return [number(atom) for atom in jaxpr.outvars]


def is_value(leaf: Any) -> bool:
    """Whether a leaf of the arguments is a number or an array of numbers, rather than a setting or an object."""
    return isinstance(leaf, (jax.Array, jax.core.Tracer)) or (
        hasattr(leaf, "dtype") and hasattr(leaf, "shape") and getattr(leaf.dtype, "kind", "O") in "biufcV"
    )
