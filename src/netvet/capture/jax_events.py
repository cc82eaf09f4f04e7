"""What is shared by the taps of one run with JAX: whether they listen, and what a repetition of a call has shown.

JAX is pure: a function gives the same again for the same arguments. So nothing is put into the user's own computation.
At steps that are looked at, netvet first runs a copy of the call on the same arguments, traced anew with its taps on
(a *repetition*); the taps pass everything through unchanged otherwise.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from netvet.capture.jax_program import Program
from netvet.capture.jax_replicas import Replicas
from netvet.capture.recorder import Recorder
from netvet.capture.site import Site

# Marked calls of one run, after which functions are no longer marked.
MAX_CALLS = 20_000


@dataclass(slots=True)
class MarkedCall:
    """A call of a function of JAX, Flax or Optax whose name says more than the operations it is made of.

    Args:
        function: its name (`softmax`, `sigmoid_binary_cross_entropy`).
        settings: its arguments that are no arrays, by name; `arrays`: names of those that are, in order.
    """

    function: str
    site: Site | None
    settings: dict[str, Any]
    arrays: tuple[str, ...]


@dataclass(slots=True, eq=False)
class Leaf:
    """A parameter: an array that a loss is differentiated by. `name`: its path."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(slots=True, eq=False)
class Differentiation:
    """One place at which a loss is differentiated, as seen when it was traced.

    Args:
        program: of the loss; its first arguments are the `leaves`.
        taps: values of the program that are handed out with each look, by name.
        model: what the parameters are called together.
        places: for each leaf, which leaf of the outer call's arguments it is; None where it is none.
    """

    site: Site | None
    function: str
    program: Program
    leaves: list[Leaf]
    taps: dict[str, int] = field(default_factory=dict)
    model: str = "model"
    options: dict[str, Any] = field(default_factory=dict)
    places: list[int | None] = field(default_factory=list)
    loss_id: int = 0
    modules: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Look:
    """What one evaluation of a loss with its gradient has shown; arrays of JAX until they are read.

    Args:
        inputs: what the loss takes beside the parameters, by the number of the value; only where somebody asks for it.
    """

    of: Differentiation
    loss: Any
    parameters: list[Any]
    gradients: list[Any]
    taps: dict[str, Any]
    flags: dict[str, Any] | None = None
    inputs: dict[int, Any] = field(default_factory=dict)


@dataclass(slots=True)
class UpdateLook:
    """What one call of an optimizer's update has shown. `updates`: what is to be added to the parameters."""

    of: Any
    gradients: list[Any]
    updates: list[Any]
    state: dict[str, Any]


@dataclass(slots=True)
class Tracing:
    """A repetition that is being traced: what its taps have met so far, in order."""

    differentiations: list[Differentiation] = field(default_factory=list)
    updates: list[Any] = field(default_factory=list)
    modules: list[dict[str, Any]] = field(default_factory=list)
    marks: list[MarkedCall] = field(default_factory=list)
    inputs: list[Any] = field(default_factory=list)
    applied: int = 0
    emitted: int = 0
    inside: int = 0  # within a loss that is being differentiated
    at: Site | None = None  # the user's line of a call on a tape that runs again


class Session:
    """The state that taps and collectors of a run share.

    Attributes:
        step: completed updates.
        busy: netvet itself computes; taps pass everything on. `updating`: an optimizer computes.
        looks: what repetitions have delivered and nobody has taken yet.
        calls: marked calls by their number.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.step = 0
        self.ended = False
        self._tracing: Tracing | None = None
        self._thread = threading.get_ident()
        self.busy = 0
        self.updating = 0  # within an update of an optimizer
        self.looks: list[tuple[int, Look | UpdateLook]] = []
        self.calls: dict[int, MarkedCall] = {}
        self.originals: dict[str, Callable[..., Any]] = {}
        self.options: dict[str, Any] = {}

    @property
    def tracing(self) -> Tracing | None:
        """The repetition that is being traced; none in other threads, whose calls are the user's own."""
        return self._tracing if self._tracing is not None and threading.get_ident() == self._thread else None

    @property
    def listening(self) -> bool:
        """Whether a call is the user's own, made at the top level, and to be looked at."""
        free = self.recorder.here and not self.ended and not self.busy and self._tracing is None
        return free and threading.get_ident() == self._thread and at_top()

    def emit(self, deliver: Callable[[dict[str, Any]], Look | UpdateLook], given: dict[str, Any]) -> None:
        """Within a repetition: hand values out; `deliver` makes a look of them."""
        tracing = self.tracing
        number = tracing.emitted if tracing is not None else 0
        if tracing is not None:
            tracing.emitted += 1

        def receive(values: dict[str, Any]) -> None:
            self.looks.append((number, deliver(values)))

        self.originals["debug_callback"](receive, given, ordered=bool(self.options.get("ordered")))

    def take_looks(self, replicas: Replicas | None = None) -> list[Look | UpdateLook]:
        """What was delivered, in the order of the program: JAX may have called back in another.

        Args:
            replicas: compares the looks of several devices; those of the first are given back.
        """
        found, self.looks = self.looks, []
        rounds: dict[int, int] = {}
        keyed = []
        for number, look in found:
            rounds[number] = rounds.get(number, -1) + 1
            keyed.append((rounds[number], number, look))
        if replicas is not None:
            replicas.take([look for _, number, look in keyed if number == 0])
            keyed = [one for one in keyed if one[0] == 0]
        return [look for _, _, look in sorted(keyed, key=lambda k: k[:2])]

    def ask(self) -> None:
        """Between two calls: ask whether to stop, if anybody wants to know."""
        stop = self.options.get("stop")
        if stop is not None:
            stop.step_taken()

    def mark(self, call: MarkedCall) -> int:
        """A number for a marked call."""
        self.calls[len(self.calls)] = call
        return len(self.calls) - 1

    @contextmanager
    def repeating(self) -> Iterator[Tracing]:
        """Taps are on within, and whatever draws random numbers outside of JAX is put back behind it."""
        tracing, before = Tracing(), self._tracing
        states = random.getstate(), np.random.get_state()
        self._tracing = tracing
        try:
            yield tracing
        finally:
            self._tracing = before
            random.setstate(states[0])
            np.random.set_state(states[1])

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Netvet computes within: the taps pass everything on."""
        self.busy += 1
        try:
            yield
        finally:
            self.busy -= 1


def at_top() -> bool:
    """No transformation of JAX is tracing."""
    try:
        from jax._src.core import trace_state_clean
    except ImportError:  # a version that has it elsewhere: a number is traced under every transformation
        return not isinstance(jax.numpy.zeros(()) + 0, jax.core.Tracer)
    return bool(trace_state_clean())
