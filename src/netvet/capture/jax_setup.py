"""What experiments need of a program of JAX: the loss that it differentiates, with all that this takes at each step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from netvet.capture.arrays import Array
from netvet.capture.jax_evaluations import Scored
from netvet.capture.jax_events import Differentiation, Look
from netvet.capture.jax_losses import VIEWS
from netvet.capture.jax_program import Program
from netvet.capture.jax_session import Watch
from netvet.capture.jax_training import Place
from netvet.capture.jax_twins import Twin

# Of each split so much is kept, and no more.
MAX_BYTES, MAX_STEPS = 128 * 2**20, 2_000
# A model with more numbers is not trained again and again.
MAX_PARAMETERS = 100_000_000
# Steps in a row without a new sample after which an epoch is known to be over.
REPEATED = 3
# Steps of which parameters and gradients are kept, to tell how a program updates by hand.
EARLY = 3

Inputs = dict[int, Array]


@dataclass(frozen=True)
class Step:
    """What the loss took at one step.

    Args:
        inputs: by the number of the value in the program of the loss; keys as their numbers.
        parameters, gradients: of the first steps alone.
    """

    number: int
    found: Differentiation
    inputs: Inputs
    loss: float
    parameters: list[Array] = field(default_factory=list)
    gradients: list[Array] = field(default_factory=list)


@dataclass(frozen=True)
class Held:
    """One batch of an evaluation: what entered the net, and what it was compared with."""

    inputs: list[Array]
    target: Array | None


@dataclass
class CapturedLoss:
    """The loss that a program differentiates most often, with its first steps.

    Attributes:
        steps: in their order; the first holds the initial parameters.
        frozen: names of parameters that never changed while others did.
    """

    watch: Watch
    place: Place
    steps: list[Step]
    evaluations: list[Held]
    frozen: frozenset[str]

    @property
    def found(self) -> Differentiation:
        """The loss as it was traced at its first step."""
        return self.steps[0].found


class SetupCollector:
    """Collects a `CapturedLoss` while a program runs.

    Attributes:
        reason: why nothing could be collected, where that is so.
    """

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._steps: dict[int, tuple[Place, list[Step]]] = {}
        self._held: list[Held] = []
        self._bytes = {"train": 0, "held": 0}
        self._constants: dict[int, tuple[Any, Array]] = {}
        self._samples: set[int] = set()
        self._repeated = 0
        watch.session.options |= {"setup": self, "deep": True}
        watch.session.options["hearers"].append(self.hear)

    def given(self, found: Differentiation, values: list[Any]) -> dict[int, Any]:
        """What the loss depends on beside the parameters, to be handed out with a look; constants are noted."""
        program = found.program
        needed = program.upstream([found.loss_id])
        taken = dict(zip(program.arguments[len(found.leaves) :], values, strict=True))
        taken |= {i: program.known[i] for i in program.closed_over}
        taken = {i: value for i, value in taken.items() if i in needed}
        found.options["impls"] = {i: jax.random.key_impl(v) for i, v in taken.items() if is_key(v.dtype)}
        closed = {i: program.known[i] for i in program.closed_over if i in taken}
        found.options["constants"] = {i: v for i, v in closed.items() if not isinstance(v, jax.core.Tracer)}
        return {i: plain(value) for i, value in taken.items() if i not in found.options["constants"]}

    def hear(self, place: Place, look: Look, step: int) -> None:
        """Take in one look at a training loss."""
        _, steps = self._steps.setdefault(id(place), (place, []))
        if not self._session_deep or np.ndim(look.loss):
            return
        inputs = {i: np.array(v) for i, v in look.inputs.items()}
        self._bytes["train"] += sum(v.nbytes for v in inputs.values())
        inputs |= {i: self._constant(v) for i, v in look.of.options.get("constants", {}).items()}
        made = Step(step, look.of, inputs, float(np.asarray(look.loss)))
        if len(steps) < EARLY:
            made.parameters.extend(np.array(p) for p in look.parameters)
            made.gradients.extend(np.array(g) for g in look.gradients)
        steps.append(made)
        self._count(look)
        if self._bytes["train"] > MAX_BYTES or len(steps) >= MAX_STEPS or self._repeated >= REPEATED:
            self._watch.session.options["deep"] = False

    def _constant(self, value: Any) -> Array:
        """An array that may be the same one at many steps."""
        if id(value) not in self._constants:
            found = np.asarray(plain(value))
            self._constants[id(value)] = value, found
            self._bytes["train"] += found.nbytes
        return self._constants[id(value)][1]

    @property
    def _session_deep(self) -> bool:
        return bool(self._watch.session.options.get("deep"))

    def _count(self, look: Look) -> None:
        """Whether the samples of a step were seen before."""
        values = look.taps.get("input:0")
        if values is None or np.ndim(values) < 1:
            return
        rows = np.asarray(values)
        prints = {hash(np.ascontiguousarray(row).tobytes()) for row in rows}
        self._repeated = self._repeated + 1 if prints <= self._samples else 0
        self._samples |= prints

    def evaluated(self, scored: Scored, look: dict[str, Any]) -> None:
        """Take in one batch of an evaluation."""
        count = len(scored.found.options["inputs"])
        target = look.get("target:0", look.get("labels"))
        held = Held(
            [np.asarray(look[f"input:{i}"]) for i in range(count)], None if target is None else np.array(target)
        )
        size = sum(v.nbytes for v in held.inputs) + (held.target.nbytes if held.target is not None else 0)
        if self._watch.session.step and self._bytes["held"] + size <= MAX_BYTES:
            self._bytes["held"] += size
            self._held.append(held)

    def captured(self) -> CapturedLoss | str:
        """What was collected, or the reason why nothing could be."""
        off = self._watch.recorder.switched_off
        kept = [(place, steps) for place, steps in self._steps.values() if steps and steps[0].parameters]
        if not kept:
            told = "; ".join(f"{part} was switched off: {reason}" for part, reason in off.items())
            return told or f"no training step could be taken apart: {self._watch.unseen}"
        place, steps = max(kept, key=lambda one: len(one[1]))
        if sum(p.size for p in steps[0].parameters) > MAX_PARAMETERS:
            return f"the model has more than {MAX_PARAMETERS:,} numbers: it is not trained again and again"
        changed = [leaf.name for leaf, moved in zip(place.newest.leaves, place.changed, strict=True) if moved]
        frozen = {leaf.name for leaf in place.newest.leaves} - set(changed) if changed else set()
        return CapturedLoss(self._watch, place, steps, self._held, frozenset(frozen))


def plain(value: Any) -> Any:
    """An array of numbers; of a random key its numbers."""
    return jax.random.key_data(value) if is_key(getattr(value, "dtype", None)) else value


def is_key(dtype: Any) -> bool:
    """Whether an array holds random keys."""
    return dtype is not None and jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key)


class _Enough(BaseException):
    """A loss was traced anew; what comes after it in the program is of no account."""

    def __init__(self, found: Differentiation, inputs: list[Any]) -> None:
        super().__init__()
        self.found, self.inputs = found, inputs


class Retracer:
    """Traces the loss of a captured program anew, for batches of another size.

    Args:
        batch: numbers of the values that have samples; `size`: how many they have.

    A loss that is a function of its arguments is traced by itself; one that takes arrays from the function around it
    (`def loss_fn(params)` within a step) is traced with that function.
    """

    def __init__(self, captured: CapturedLoss, batch: Iterable[int], size: int) -> None:
        self._captured, self._batch, self._size = captured, frozenset(batch), size
        self._outer: frozenset[int] | None = None

    def traced(self, samples: int) -> Differentiation | None:
        """The loss of batches with so many samples; None where it cannot be traced with them."""
        found = self._captured.found
        enclosed = any(isinstance(found.program.known[i], jax.core.Tracer) for i in found.program.closed_over)
        trace = self._within if enclosed or self._batch & set(found.program.closed_over) else self._alone
        try:
            with self._captured.watch.again():
                made = trace(samples)
        except Exception:  # whatever a function does with arrays of another size
            made = self._second(samples) if trace == self._alone else None
        return made if made is not None and self._fits(made, samples) else None

    def _second(self, samples: int) -> Differentiation | None:
        try:
            with self._captured.watch.again():
                return self._within(samples)
        except Exception:
            return None

    def _fits(self, made: Differentiation, samples: int) -> bool:
        """The batch has the size that was asked for, and everything else that of before."""
        old, new = self._captured.found.program, made.program
        values = [*old.arguments, *old.closed_over]
        if [*new.arguments, *new.closed_over] != values:
            return False
        wanted = ((samples, *old.shape(i)[1:]) if i in self._batch else old.shape(i) for i in values)
        return all(new.shape(i) == shape for i, shape in zip(values, wanted, strict=True))

    def _alone(self, samples: int) -> Differentiation | None:
        found = self._captured.found
        program, count = found.program, len(found.leaves)
        forms = [self._form(program, i, samples) for i in program.arguments]
        return _differentiated(self._captured, found.options["pure"], forms[:count], forms[count:])

    def _form(self, program: Program, value: int, samples: int) -> Any:
        aval = program.avals[value]
        shape = (samples, *aval.shape[1:]) if value in self._batch else aval.shape
        return jax.ShapeDtypeStruct(shape, aval.dtype, weak_type=getattr(aval, "weak_type", False))

    def _within(self, samples: int) -> Differentiation | None:
        twin: Twin | None = self._captured.found.options.get("twin")
        if twin is None or "pure" not in twin.extra:
            return None
        with _context(twin.extra["tag"]):
            return self._traced_within(twin, samples)

    def _traced_within(self, twin: Twin, samples: int) -> Differentiation | None:
        forms = list(twin.extra["forms"])
        if self._outer is None:
            self._outer = self._sources(twin, forms)
        for i in self._outer:
            if getattr(forms[i], "shape", ())[:1] != (self._size,):
                return None
            forms[i] = jax.ShapeDtypeStruct((samples, *forms[i].shape[1:]), forms[i].dtype)
        found: list[Differentiation] = []

        def outline(leaves: list[Any]) -> tuple[()]:
            found.append(_stopped(self._captured, twin.extra["pure"], leaves).found)
            return ()

        jax.make_jaxpr(outline)(forms)
        return found[0]

    def _sources(self, twin: Twin, forms: list[Any]) -> frozenset[int]:
        """Which leaves of the outer call the batch is made of."""
        from netvet.capture.jax_program import program_of

        places: list[int] = []

        def outline(leaves: list[Any]) -> list[Any]:
            stopped = _stopped(self._captured, twin.extra["pure"], leaves)
            program = stopped.found.program
            values = dict(zip(program.arguments[len(stopped.found.leaves) :], stopped.inputs, strict=True))
            values |= {i: program.known[i] for i in program.closed_over}
            places.extend(sorted(self._batch))
            return [values[i] for i in places]

        program = program_of(jax.make_jaxpr(outline)(forms))
        above = program.upstream(program.results)
        long = {i for i, v in enumerate(program.arguments) if v in above and program.shape(v)[:1] == (self._size,)}
        return frozenset(long)


def _context(tag: Any) -> AbstractContextManager[Any]:
    """What Flax NNX wants to be in while a function of its own is traced."""
    if tag is None:
        return nullcontext()
    from flax import nnx

    context: AbstractContextManager[Any] = nnx.update_context(tag)
    return context


def _stopped(captured: CapturedLoss, pure: Callable[[list[Any]], Any], leaves: list[Any]) -> _Enough:
    """Run a function of the program until it differentiates the loss."""
    session, wanted = captured.watch.session, [leaf.name for leaf in captured.found.leaves]

    def stop(found: Differentiation, inputs: list[Any]) -> None:
        if found.site == captured.found.site and [leaf.name for leaf in found.leaves] == wanted:
            raise _Enough(found, inputs)

    session.options["retraced"] = stop
    try:
        pure(leaves)
    except _Enough as enough:
        return enough
    finally:
        del session.options["retraced"]
    raise LookupError("the loss was not met again")


def _differentiated(captured: CapturedLoss, pure: Any, leaves: list[Any], values: list[Any]) -> Differentiation:
    """A loss that is a function of its arguments, described as in a repetition."""
    from netvet.capture.jax_gradients import described

    return described(captured.watch.session, captured.found, pure, leaves, values)


def source_of(program: Program, value: int) -> int:
    """The value that was only handed on to become this one."""
    return program.behind(value, VIEWS - {"gather", "slice", "dynamic_slice"})[0]
