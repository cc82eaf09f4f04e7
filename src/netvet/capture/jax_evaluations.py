"""Evaluations: compiled functions that use the parameters and differentiate nothing. Records `evaluations`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from netvet.capture.jax_compared import Compared, measured, own_mean, place
from netvet.capture.jax_events import Differentiation, Leaf, Session
from netvet.capture.jax_losses import LossFound, Reader, name_of
from netvet.capture.jax_modes import active_modes
from netvet.capture.jax_program import Program, program_of
from netvet.capture.jax_taken import inputs_of
from netvet.capture.jax_training import Training
from netvet.capture.jax_twins import Twin
from netvet.capture.site import Site

# Calls of one function that are repeated whatever comes; later ones only where its results do not tell the scores.
CLOSE_CALLS = 12
CLOSE = 1e-3


@dataclass(slots=True)
class Scored:
    """What a function that evaluates is, from its program."""

    found: Differentiation
    losses: list[LossFound]
    hits: int | None
    dropout: bool
    batch_norm: bool
    site: Site | None
    roots: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Batch:
    samples: int
    loss: float | None
    accuracy: float | None
    trained: bool | None = None  # all of its samples are training samples; None where that is not known


@dataclass(slots=True)
class _Pass:
    step: int
    scored: Scored
    batches: list[_Batch] = field(default_factory=list)


class Evaluations:
    """Hears evaluations and writes `val_loss`, `val_accuracy` and the records."""

    def __init__(self, session: Session, compared: Compared, inputs: Any) -> None:
        self._session, self._compared, self._inputs = session, compared, inputs
        self._open: dict[str, _Pass] = {}
        self._looks: list[dict[str, Any]] = []
        self.records: list[dict[str, Any]] = []

    def describe(self, closed: Any, site: Site | None, lines: Any = ()) -> tuple[Program, Scored] | None:
        """Whether a function evaluates the parameters that are trained, and how. `lines`: of a tape."""
        training: Training = self._session.options["training"]
        if not training.places:
            return None
        main = max(training.places.values(), key=lambda p: p.looks)
        program = program_of(closed, lines)
        roots = _parameters_in(program, main.newest.leaves)
        if roots is None:
            return None
        losses = Reader(program, self._session, roots, program.results).losses()
        hits = self._hits(program, roots)
        if not losses and hits is None:
            return None
        found = Differentiation(site, "evaluation", program, main.newest.leaves, model=main.newest.model)
        found.options["inputs"] = inputs_of(program, roots)
        dropout, norm = active_modes(program, roots)
        site = self._own_site(program, main.first.program) or site
        return program, Scored(found, losses, hits, dropout, norm, site, roots)

    def _own_site(self, program: Program, training: Program) -> Site | None:
        """The innermost line of the evaluation that is no line of the training: there the net is called for it."""
        trained = {site for op in training.operations for site in op.sites}
        for op in program.operations:
            if op.name in ("dot_general", "conv_general_dilated"):
                return next((site for site in op.sites if site not in trained), None)
        return None

    def _hits(self, program: Program, roots: list[int]) -> int | None:
        """The comparison of a predicted class with the labels."""
        dependent = program.downstream(roots)
        for op in program.operations:
            if op.name != "eq":
                continue
            sides = [i in dependent for i in op.inputs]
            guess = op.inputs[sides.index(True)] if sum(sides) == 1 else None
            if guess is None:
                continue
            maker, _ = program.behind(guess, {"convert_element_type", "reshape", "squeeze"})
            made = program.makers.get(maker)
            if made is not None and name_of(made, self._session) in ("argmax", "gt", "ge", "round", "lt"):
                return op.outputs[0]
        return None

    def taps(self, scored: Scored) -> dict[str, int]:
        """Values that are handed out."""
        taps = {f"input:{i}": value for i, value in enumerate(scored.found.options["inputs"])}
        for number, one in enumerate(scored.losses):
            taps[f"given:{number}"], taps[f"value:{number}"] = one.given, one.value
            if one.target is not None:
                taps[f"target:{number}"] = one.target
        if scored.hits is not None:
            taps |= {"hits": scored.hits, "labels": self._labels(scored)}
        return taps

    def _labels(self, scored: Scored) -> int:
        """What the predicted classes are compared with."""
        program, roots = scored.found.program, scored.roots
        dependent = program.downstream(roots)
        op = program.makers[scored.hits] if scored.hits is not None else None
        return next(i for i in op.inputs if i not in dependent) if op is not None else 0

    def emit(self, values: dict[int, Any], taps: dict[str, int]) -> None:
        """Within a repetition: hand the values out."""
        self._session.originals["debug_callback"](self._deliver, {name: values[i] for name, i in taps.items()})

    def _deliver(self, given: dict[str, Any]) -> None:
        self._looks.append(given)

    def wanted(self, twin: Twin) -> bool:
        """Whether a call is to be repeated."""
        scored = twin.extra.get("scored")
        return scored is not None and (twin.seen < CLOSE_CALLS or twin.extra.get("told") is False)

    def ended(self, twin: Twin, values: list[Any], out: Any) -> None:
        """A call of a function that evaluates is over."""
        scored: Scored | None = twin.extra.get("scored")
        if scored is None or self._session.step == 0:
            self._looks.clear()
            return
        looks, self._looks = self._looks, []
        results = jax.tree.leaves(out)
        if looks:
            twin.seen += 1
            inputs = np.asarray(looks[-1].get("input:0", 0))
            twin.extra |= {"trained": self._inputs.just_trained(inputs), "known": self._inputs.known(inputs)}
        if twin.extra.get("trained"):
            return
        if looks:
            batch = self._batch(scored, looks[-1])
            self._identify(twin, batch, results)
        else:
            told = twin.extra.get("results", {})
            read = {name: float(np.asarray(results[at])) for name, at in told.items()}
            batch = _Batch(int(twin.extra.get("samples", 1)), read.get("loss"), read.get("accuracy"))
        twin.extra["samples"] = batch.samples
        # Batches of one form may be of any data; a whole array is the same each time.
        twin.extra["batched"] = twin.extra.get("batched", False) or twin.extra.get("step") == self._session.step
        twin.extra["step"] = self._session.step
        batch.trained = None if twin.extra["batched"] else twin.extra.get("known")
        self._add(scored, batch)

    def _batch(self, scored: Scored, look: dict[str, Any]) -> _Batch:
        step, loss, accuracy, samples = self._session.step, None, None, 1
        if (setup := self._session.options.get("setup")) is not None:
            setup.evaluated(scored, look)
        for number, _ in enumerate(scored.found.options["inputs"]):
            values = np.asarray(look[f"input:{number}"])
            samples = len(values) if values.ndim else 1
            self._inputs.take(values, scored.found, str(number), "eval", step)
        for number, one in enumerate(scored.losses):
            given, target = np.asarray(look[f"given:{number}"]), look.get(f"target:{number}")
            wanted = None if target is None else np.asarray(target)
            value = own_mean(one, given, wanted, np.asarray(look[f"value:{number}"], dtype=np.float64))
            self._compared.take(one, given, wanted, value, step, "eval")
            loss = value if loss is None else loss
            if wanted is not None:
                axis = None if one.axis is None else one.axis % max(given.ndim, 1)
                accuracy = measured(one, given, wanted, axis).get("train_accuracy", accuracy)
        if "hits" in look:
            accuracy = float(np.asarray(look["hits"], dtype=np.float64).mean())
        return _Batch(samples, loss, accuracy)

    def _identify(self, twin: Twin, batch: _Batch, results: list[Any]) -> None:
        told: dict[str, int] = {}
        for name, value in (("loss", batch.loss), ("accuracy", batch.accuracy)):
            known = twin.extra.get("results", {}).get(name)
            places = range(len(results)) if "results" not in twin.extra else [known] if known is not None else []
            for at in places:
                if value is not None and _is(results[at], value):
                    told[name] = at
                    break
        twin.extra["results"] = told
        twin.extra["told"] = bool(told) and ("loss" in told or batch.loss is None)

    def _add(self, scored: Scored, batch: _Batch) -> None:
        key, step = str(scored.site or "?"), self._session.step
        going = self._open.get(key)
        if going is None or going.step != step:
            if going is not None:
                self._close(going)
            going = self._open[key] = _Pass(step, scored)
        going.batches.append(batch)

    def flush(self) -> None:
        """Close all passes."""
        for one in self._open.values():
            self._close(one)
        self._open.clear()

    def _close(self, one: _Pass) -> None:
        scored, batches, recorder = one.scored, _held_out(one.batches), self._session.recorder
        total = sum(b.samples for b in batches)
        means = {}
        for name in ("loss", "accuracy"):
            values = [(getattr(b, name), b.samples) for b in batches]
            means[name] = None if any(v is None for v, _ in values) else sum(v * n for v, n in values) / total
        site = str(scored.losses[0].site if scored.losses else scored.site or "?")
        if means["loss"] is not None:
            recorder.value(one.step, "val_loss", means["loss"], site)
        if means["accuracy"] is not None:
            recorder.value(one.step, "val_accuracy", means["accuracy"], site)
        active = scored.dropout or scored.batch_norm
        self.records.append({
            "step": one.step, "model": scored.found.model, **place(scored.site), "batches": len(batches),
            "samples": total, "first_batch": batches[0].samples, "last_batch": batches[-1].samples,
            "phase": "train-mode-no-grad" if active else "eval", "dropout_active": scored.dropout,
            "batch_norm_active": scored.batch_norm, "loss": means["loss"], "accuracy": means["accuracy"],
            "loss_site": site, "scored": "loss" if scored.losses else "compare", "buffers_changed": [],
            "parameters_changed": [],
        })  # fmt: skip


def _held_out(batches: list[_Batch]) -> list[_Batch]:
    """Without those of training samples, which many programs score by the same function."""
    others = [b for b in batches if not b.trained]
    return others if others and all(b.trained is not None for b in batches) else batches


def _is(result: Any, value: float) -> bool:
    if getattr(result, "shape", None) != () or not str(getattr(result, "dtype", "")).startswith(("float", "bfloat")):
        return False
    return bool(np.isclose(float(np.asarray(result)), value, rtol=CLOSE, atol=1e-6))


def _parameters_in(program: Program, leaves: list[Leaf]) -> list[int] | None:
    """The arguments that are the parameters: those of the same shapes in the same order; None where they are not."""
    found, waiting = [], iter(program.arguments)
    for leaf in leaves:
        for value in waiting:
            if program.shape(value) == leaf.shape and program.dtype(value) == leaf.dtype:
                found.append(value)
                break
        else:
            return None
    return found
