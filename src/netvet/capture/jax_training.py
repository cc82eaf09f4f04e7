"""Series of a training from its looks: loss, rates, sizes of parameters, gradients, updates and outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from netvet.capture.jax_events import Differentiation, Look, Session, UpdateLook
from netvet.capture.jax_optimizers import Optimizer, norm
from netvet.capture.jax_twins import Twin

Array = npt.NDArray[Any]
# Elements of all parameters together above which they are not kept from one step to the next.
MAX_KEPT = 20_000_000
# Looks in a row that tell whether steps go up the gradient or down; so many tell it for sure.
DIRECTIONS, SURE = 5, 3
_OUTPUTS = {"rectified": "dead_unit_share", "tanh": "saturated_unit_share", "sigmoid": "saturated_unit_share"}


class Place:
    """One place at which a loss is differentiated, over the run; traced anew, it is the same place.

    Attributes:
        newest: as it was traced last; `first`: as it was traced first.
        along: cosines of what steps changed with the gradient of the same step, of the first looks in a row.
        untouched: it normalises with running means of 0 and variances of 1, as they were made, at all looks; None
            where it uses no running statistics.
        changed, zero, zero_streak: for each parameter, whether its value ever changed, how many looks in a row its
            gradient has been exactly zero, and the longest such row.
    """

    def __init__(self, found: Differentiation) -> None:
        self.first = self.newest = found
        self.calls, self.looks, self.first_step = 0, 0, 0
        self.first_value: float | None = None
        count = len(found.leaves)
        self.changed, self.zero, self.zero_streak = [False] * count, [0] * count, [0] * count
        self.before: tuple[int, list[Array]] | None = None
        self.gradients: list[Array] = []
        self.along: list[float] = []
        self.untouched: bool | None = None
        self.start: list[Array] = []
        self.start_gradients: list[Array] = []
        self.compared = 0
        self.optimizers: dict[str, None] = {}


class Training:
    """Takes in looks, counts steps, and writes the series."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.places: dict[tuple[str, tuple[str, ...]], Place] = {}
        self._open = 0  # losses since the last step that no update has followed
        self._updating = False
        self._last: Place | None = None
        self._sole: list[Optimizer] = []

    def coming(self) -> int:
        """The step to which the next differentiation belongs."""
        return self._session.step + (self._open if not self._updating else 0)

    def place_of(self, found: Differentiation) -> Place:
        """The place of a differentiation."""
        key = str(found.site or "?"), tuple(leaf.name for leaf in found.leaves)
        if key not in self.places:
            self.places[key] = Place(found)
        self.places[key].newest = found
        return self.places[key]

    def take(self, looks: list[Look | UpdateLook]) -> None:
        """Take in looks in their order."""
        for look in looks:
            if isinstance(look, Look):
                self.close()
                self._loss(look)
                self._open += 1
            else:
                self._update(look)

    def ascends(self) -> bool | None:
        """Each of the first steps went up the gradient of the loss, the very first one well along it.

        Momentum and decayed weights may turn single steps of a descent; its first step goes down all the same.

        Returns:
            None while it is not known.
        """
        found = [p.along for p in self.places.values()]
        if len(found) != 1 or len(found[0]) < SURE:
            return None
        return found[0][0] > 0.1 and min(found[0]) > 0

    def passed(self, losses: int, updates: int) -> None:
        """A call that was not looked at."""
        for place in self.places.values() if losses else ():
            place.calls += losses if len(self.places) == 1 else 0
        if updates:
            self._updating = True
            self._advance(updates, self._session.options["optimizers"].users())
            self._open = 0
        elif losses:
            self.close()
            self._open += losses

    def skipped(self, losses: int, updates: int) -> None:
        """A call that nobody listened to, so that of its steps only the number is known."""
        for place in self.places.values() if len(self.places) == 1 else ():
            place.calls += losses
        if not updates:
            self.close()
            self._open += losses
            return
        self._updating, self._open = True, 0
        for one in self._sole:
            one.steps += updates
            one.last_step = self._session.step + updates - 1
        self._session.step += updates

    def close(self) -> None:
        """A loss that no update of Optax has followed was a step by hand, unless some are."""
        if self._open and not self._updating:
            self._session.step += self._open
            self._open = 0

    def _advance(self, count: int, optimizers: list[Optimizer]) -> None:
        self._sole = optimizers if len(optimizers) == 1 else []
        for one in self._sole:
            for i in range(count):
                self._rate(one, self._session.step + i)
            one.steps += count
            one.last_step = self._session.step + count - 1
        self._session.step += count

    def _rate(self, one: Optimizer, step: int) -> None:
        rate = self._session.recorder.guard("learning rates", one.rate_at)(one.steps + step - self._session.step)
        if rate is not None:
            self._session.recorder.value(step, "lr", rate, f"{one.name or one.cls}/0")

    def arrived(self, twin: Twin, values: list[Any]) -> None:
        """A call that is not looked at: its parameters show what the step before it has changed."""
        for found in twin.tracing.differentiations if twin.tracing is not None else ():
            place = self.place_of(found)
            if place.before is None or place.before[0] != self.coming() - 1 or None in found.places:
                continue
            self._compare(place, [np.asarray(values[i]) for i in found.places if i is not None], self.coming())
            place.before = None

    def _loss(self, look: Look) -> None:
        session, place = self._session, self.place_of(look.of)
        step = self.coming()
        value = float(np.asarray(look.loss, dtype=np.float64).mean())
        if place.first_value is None:
            place.first_value, place.first_step = value, step
        place.calls, place.looks, self._last = place.calls + 1, place.looks + 1, place
        session.recorder.value(step, "loss", value, str(look.of.site or "?"))
        parameters, gradients = _arrays(look.parameters), _arrays(look.gradients)
        if not place.start:
            place.start, place.start_gradients = parameters, gradients
        self._compare(place, parameters, step)
        total = sum(p.size for p in parameters)
        place.before = (step, parameters) if total <= MAX_KEPT else None
        place.gradients = gradients if total <= MAX_KEPT and len(place.along) < DIRECTIONS else []
        self._sizes(place, step, parameters, gradients)
        self._outputs(look, step)
        for hear in session.options["hearers"]:
            hear(place, look, step)

    def _compare(self, place: Place, parameters: list[Array], step: int) -> None:
        """What the step before this one has changed."""
        if place.before is None or place.before[0] != step - 1:
            if place.before is not None:
                self._note_changes(place, place.before[1], parameters)
            return
        before = place.before[1]
        ratios = {}
        for leaf, old, new in zip(place.newest.leaves, before, parameters, strict=True):
            size = norm([old])
            if size > 0 and old.shape == new.shape:
                ratios[leaf.name] = norm([new.astype(np.float64) - old.astype(np.float64)]) / size
        if ratios:
            self._session.recorder.values(step - 1, "update_ratio", ratios)
        self._note_changes(place, before, parameters)
        if place.gradients:
            place.along += _cosine(before, parameters, place.gradients)
        place.compared += 1

    def _note_changes(self, place: Place, before: list[Array], after: list[Array]) -> None:
        for i, (old, new) in enumerate(zip(before, after, strict=True)):
            place.changed[i] = place.changed[i] or not np.array_equal(old, new, equal_nan=True)

    def _sizes(self, place: Place, step: int, parameters: list[Array], gradients: list[Array]) -> None:
        recorder, names = self._session.recorder, [leaf.name for leaf in place.newest.leaves]
        norms = [norm([g]) for g in gradients]
        recorder.values(step, "param_norm", {n: norm([p]) for n, p in zip(names, parameters, strict=True)})
        spreads = {n: float(np.std(p, dtype=np.float64)) for n, p in zip(names, parameters, strict=True) if p.size > 1}
        if spreads:
            recorder.values(step, "param_std", spreads)
        recorder.values(step, "param_grad_norm", dict(zip(names, norms, strict=True)))
        bad = {n: float((~np.isfinite(g)).sum()) for n, g in zip(names, gradients, strict=True)}
        bad = {n: count for n, count in bad.items() if count}
        if bad:
            recorder.values(step, "non_finite_grads", bad)
        for i, size in enumerate(norms):
            place.zero[i] = place.zero[i] + 1 if size == 0 else 0
            place.zero_streak[i] = max(place.zero_streak[i], place.zero[i])

    def _outputs(self, look: Look, step: int) -> None:
        recorder = self._session.recorder
        made = [bool(value) for name, value in look.taps.items() if name.startswith(("zeros:", "ones:"))]
        if made and self._last is not None:
            self._last.untouched = self._last.untouched is not False and all(made)
        for name, value in look.taps.items():
            kind, _, layer = name.partition(":")
            if kind == "output":
                mean, std = np.asarray(value, dtype=np.float64).tolist()
                recorder.value(step, "activation_mean", mean, layer)
                recorder.value(step, "activation_std", std, layer)
            elif kind in _OUTPUTS:
                recorder.value(step, _OUTPUTS[kind], float(np.asarray(value, dtype=np.float64)), layer)

    def _update(self, look: UpdateLook) -> None:
        one: Optimizer = look.of
        self._session.options["optimizers"].users()
        self._updating = True
        one.hyperparams = {k: float(np.asarray(v)) for k, v in look.state.items()}
        step = self._session.step
        self._rate(one, step)
        gradients = _arrays(look.gradients)
        self._session.recorder.value(step, "grad_norm", norm(gradients), one.name or one.cls)
        if self._last is not None:
            self._last.optimizers[one.name or one.cls] = None
        one.steps += 1
        one.last_step = step
        self._session.step += 1
        self._open = 0


def _cosine(before: list[Array], after: list[Array], gradients: list[Array]) -> list[float]:
    """Cosine of a change with a gradient; none where either is nothing or not finite."""
    moved = [np.subtract(a, b, dtype=np.float64) for a, b in zip(after, before, strict=True)]
    size = norm(moved) * norm(gradients)
    if not 0 < size < np.inf:
        return []
    return [sum(float(np.vdot(m, g)) for m, g in zip(moved, gradients, strict=True)) / size]


def _arrays(given: list[Any]) -> list[Array]:
    found = [np.asarray(x) for x in given]
    return [x.astype(np.float32) if x.dtype.kind == "V" or x.dtype.itemsize < 4 else x for x in found]
