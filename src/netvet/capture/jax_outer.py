"""Repeats the user's calls at the steps that are looked at, and reads the loss of each step off what they return."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import jax
import numpy as np
from jax.extend import core as jex

from netvet.capture.jax_events import Look, Session, Tracing, UpdateLook
from netvet.capture.jax_replayed import parameters_among
from netvet.capture.jax_twins import Twin, Unit
from netvet.capture.site import user_site

# Results of calls that wait to be read, so that the user's program need not wait for each.
MAX_WAITING = 32
# Arguments of so few elements are kept until the loss of the call is read.
MAX_KEPT = 500_000
# Elements that several devices may hold, to be repeated on one of them.
MAX_GATHERED = 50_000_000
# Seconds in which every call is heard; after them, calls that train are heard for this share of the time.
AWAKE, SHARE = 3.0, 0.01
# A repetition may be compiled otherwise than the user's own function: its sums are those of another order.
CLOSE = 1e-3


class Outer:
    """What is done around each call of a compiled function."""

    part = "repetition"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._waiting: list[_Returned] = []
        self.devices = False
        self.spent, self._began = 0.0, perf_counter()

    def begin(self, unit: Unit, twin: Twin, values: list[Any], settle: Callable[[], None]) -> None:
        """Before the user's call: repeat it, if it is to be looked at."""
        session = self._session
        twin.extra["looks"] = None
        twin.extra.setdefault("site", user_site(4))
        first = twin.tracing is None
        if unit.devices and sum(getattr(v, "size", 1) for v in values) > MAX_GATHERED:
            twin.failed = "all that its devices hold is too much for one"
            return
        self._arrives(twin, values)
        if not first and not self._wanted(twin):
            session.options["training"].arrived(twin, values)
            self._count(twin, values)
            return
        if first:
            try:
                settle()
            except Exception:  # the user's own error, which the call itself will raise
                twin.failed = "it raises"
                return
        try:
            twin.extra["looks"] = self.repeat(twin, values)
            if first:
                self._arrives(twin, values)
        except Exception as error:
            twin.failed = f"{type(error).__name__}: {error}"
            if os.environ.get("NETVET_DEBUG"):
                raise
            session.looks.clear()
            session.recorder.switch_off(f"repetition of {getattr(unit, '__name__', 'a function')}", error)

    def _arrives(self, twin: Twin, values: list[Any]) -> None:
        """A call that trains: what was evaluated before it was evaluated with its parameters."""
        of = twin.tracing.differentiations if twin.tracing is not None else []
        for found in of[:1]:
            known = [values[i] for i in found.places if i is not None]
            parameters = known if len(known) == len(found.leaves) else parameters_among(values, found.leaves)
            if parameters is not None:
                self._session.options["replayed"].begins(parameters)

    def rests(self, unit: Unit) -> bool:
        """Whether a call that trains is passed over: netvet has had its share of the time, and nothing waits."""
        passed = perf_counter() - self._began
        if passed < AWAKE or self.spent < SHARE * passed or self._session.options["tape"].calls:
            return False
        return not self._chosen()

    def passed_over(self, unit: Unit, out: Any) -> None:
        """A call that was not heard, but for its steps."""
        sites, updates = unit.counts or ([], 0)
        self._session.options["training"].skipped(len(sites), updates)
        self._session.options["replayed"].trained(out)

    def _chosen(self) -> bool:
        session = self._session
        if session.options.get("deep"):
            return True
        at, chosen = session.options.get("chosen", (-1, False))
        if at != session.step:
            chosen = session.recorder.schedule.deep(session.step)
            session.options["chosen"] = session.step, chosen
        return bool(chosen)

    def _count(self, twin: Twin, values: list[Any]) -> None:
        """Which samples are trained on, also in calls that are not looked at."""
        for found in twin.tracing.differentiations if twin.tracing is not None else ():
            at = (found.options.get("input_places") or [None])[0]
            if at is not None and getattr(values[at], "ndim", 0) > 1:
                self._session.options["inputs"].count(np.asarray(values[at]), "train")

    def _wanted(self, twin: Twin) -> bool:
        tracing, session = twin.tracing, self._session
        if tracing is None or not (tracing.differentiations or tracing.updates):
            return bool(session.options["evaluations"].wanted(twin))
        return self._chosen()

    def repeat(self, twin: Twin, values: list[Any]) -> list[Look | UpdateLook]:
        """Run the repetition; what its taps have delivered."""
        session, began = self._session, perf_counter()
        if twin.extra.get("devices"):
            self.devices = True
            values = [jax.device_put(v, jax.local_devices()[0]) for v in values]
        session.options["ordered"] = twin.extra.get("ordered", True)
        try:
            twin.call(values)
        except Exception:
            if twin.extra.get("ordered") is False:
                raise
            session.looks.clear()  # JAX keeps no order over several devices
            session.options["ordered"] = twin.extra["ordered"] = False
            getattr(twin.call, "clear_cache", bool)()
            twin.call(values)
        jax.effects_barrier()
        session.recorder.schedule.spent += perf_counter() - began
        return session.take_looks(session.options["replicas"] if twin.extra.get("devices") else None)

    def traced(self, twin: Twin, tracing: Tracing) -> None:
        """A repetition was traced: find where the parameters come in."""
        places = {id(leaf): i for i, leaf in enumerate(tracing.inputs)}
        for found in tracing.differentiations:
            found.options["call_site"] = twin.extra.get("site")
            found.options["twin"] = twin
            found.places = [places.get(i) for i in found.options.pop("ids", [])]
            found.options["input_places"] = [places.get(i) for i in found.options.pop("input_ids", [])]

    def evaluate(self, twin: Twin, tracing: Tracing, closed: Any, values: list[Any]) -> None:
        """Run what was traced: with its taps, or, where nothing is differentiated, as an evaluation."""
        if tracing.differentiations or tracing.updates:
            jex.jaxpr_as_fun(closed)(*values)
            return
        evaluations = self._session.options["evaluations"]
        scored = self._session.recorder.guard("evaluations", evaluations.describe)(
            closed, twin.extra.get("site"), twin.extra.get("frames", ())
        )
        twin.extra["scored"] = None
        if scored is not None:
            program, twin.extra["scored"] = scored
            evaluations.emit(program.evaluate(values), evaluations.taps(scored[1]))

    def end(self, unit: Unit, twin: Twin, values: list[Any], out: Any) -> None:
        """After the user's call: take in what the repetition has shown, and what the call returned."""
        tracing, looks = twin.tracing, twin.extra.pop("looks", None)
        if tracing is None or twin.failed is not None:
            return
        if not tracing.differentiations and not tracing.updates:
            self._session.recorder.guard("evaluations", self._session.options["evaluations"].ended)(twin, values, out)
            return
        training = self._session.options["training"]
        results = jax.tree.leaves(out)
        self._session.options["replayed"].trained(out)
        if looks is not None:
            self.flush()
            training.take(looks)
            twin.extra["counts"] = self._counts(looks)
            unit.uneven = unit.uneven or unit.counts not in (None, twin.extra["counts"])
            unit.counts = None if unit.uneven else twin.extra["counts"]
            self._identify(twin, looks, results)
        else:
            sites, updates = twin.extra.get("counts", ([], 0))
            step = training.coming()
            training.passed(len(sites), updates)
            self._wait(twin, step, sites, results, values)

    def _counts(self, looks: list[Look | UpdateLook]) -> tuple[list[str], int]:
        sites = [str(one.of.site or "?") for one in looks if isinstance(one, Look)]
        return sites, len(looks) - len(sites)

    def _identify(self, twin: Twin, looks: list[Look | UpdateLook], results: list[Any]) -> None:
        """Which of the results is the loss: it agreed with the repeated one each time."""
        losses = [np.asarray(one.loss, dtype=np.float64) for one in looks if isinstance(one, Look)]
        if not losses or any(x.shape for x in losses):
            return
        wanted = losses[0] if len(losses) == 1 else np.stack(losses)
        known = range(len(results)) if twin.results is None else twin.results
        twin.results = [i for i in known if _agrees(results[i], wanted)]

    def _wait(self, twin: Twin, step: int, sites: list[str], results: list[Any], values: list[Any]) -> None:
        if twin.results and sites:
            small = sum(getattr(v, "size", 1) for v in values) <= MAX_KEPT
            kept = values if small and not self._session.options["non_finite"].done else None
            self._waiting.append(_Returned(step, sites[0], results[twin.results[0]], len(sites), twin, kept))
        if len(self._waiting) >= MAX_WAITING:
            self.flush()

    def flush(self) -> None:
        """Read what was returned; the first loss that is not finite is looked at after all."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if getattr(one.array, "is_deleted", bool)():  # donated since
                continue
            found = np.asarray(one.array, dtype=np.float64).reshape(-1)[: one.count]
            for i, value in enumerate(found.tolist()):
                self._session.recorder.value(one.step + i, "loss", value, one.site)
            if one.values is not None and not np.isfinite(found).all():
                self._again(one)

    def _again(self, one: _Returned) -> None:
        hearer = self._session.options["non_finite"]
        if hearer.done or any(getattr(v, "is_deleted", bool)() for v in one.values or ()):
            return
        looks = [look for look in self.repeat(one.twin, one.values or []) if isinstance(look, Look)]
        for number, look in enumerate(looks):
            hearer.hear(None, look, one.step + number)


@dataclass(slots=True)
class _Returned:
    """What one call returned as its losses, not read yet. `values`: its arguments, if they may be kept."""

    step: int
    site: str
    array: Any
    count: int
    twin: Twin
    values: list[Any] | None


def _agrees(result: Any, wanted: Any) -> bool:
    is_float = str(getattr(result, "dtype", "")).startswith(("float", "bfloat"))
    if not is_float or getattr(result, "shape", None) != wanted.shape:
        return False
    if getattr(result, "is_deleted", bool)():
        return False
    return bool(np.allclose(np.asarray(result, dtype=np.float64), wanted, rtol=CLOSE, atol=1e-6, equal_nan=True))


class Eager:
    """Losses that are differentiated outside of compiled functions: repeated operation by operation."""

    part = "differentiation"

    def __init__(self, session: Session) -> None:
        self._session = session

    def differentiate(self, call: Any, own: Any, args: Any, kwargs: Any, *, with_value: bool) -> Any:
        """The user's own result; looked at before, if it is to be."""
        self._session.recorder.guard(self.part, self._arrives)(args)
        looks = self._session.recorder.guard(self.part, self._look)(call, args, kwargs)
        out = own(*args, **kwargs)
        self._session.recorder.guard(self.part, self._taken)(looks, out if with_value else None)
        self._session.options["replayed"].trained(out)
        self._session.ask()
        return out

    def _arrives(self, args: Any) -> None:
        for place in list(self._session.options["training"].places.values())[:1]:
            parameters = parameters_among(jax.tree.leaves(args), place.newest.leaves)
            if parameters is not None:
                self._session.options["replayed"].begins(parameters)

    def _look(self, call: Any, args: Any, kwargs: Any) -> list[Look | UpdateLook] | None:
        session, training = self._session, self._session.options["training"]
        if not (session.options.get("deep") or session.recorder.schedule.deep(training.coming())):
            return None
        began = perf_counter()
        with session.repeating() as tracing:
            call(*args, **kwargs)
            for found in tracing.differentiations:
                found.options.pop("ids", None)
        jax.effects_barrier()
        session.recorder.schedule.spent += perf_counter() - began
        return session.take_looks()

    def _taken(self, looks: list[Look | UpdateLook] | None, out: Any) -> None:
        training = self._session.options["training"]
        if looks is not None:
            training.take(looks)
            return
        step, places = training.coming(), list(training.places.values())
        training.passed(1, 0)
        if out is not None and len(places) == 1:
            loss = np.asarray(jax.tree.leaves(out)[0], dtype=np.float64)
            self._session.recorder.value(step, "loss", float(loss.mean()), str(places[0].newest.site or "?"))

    def updated(self, look: UpdateLook) -> None:
        """An optimizer has updated outside of compiled functions."""
        self._session.options["training"].take([look])
