"""The training of one Keras model, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import numpy as np

from netvet.capture.keras_activations import Activations
from netvet.capture.keras_backends import Array, Backend
from netvet.capture.keras_contract import Contract, contracts_of, entering, takes_back, which_output
from netvet.capture.keras_fixed import FixedBatch
from netvet.capture.keras_forward import Look, Sandbox, leaves_of
from netvet.capture.keras_inputs import Inputs
from netvet.capture.keras_layers import Names, module_records
from netvet.capture.keras_losses import Losses, site_name
from netvet.capture.keras_optimizer import optimizer_record, rate_of
from netvet.capture.keras_parameters import Parameters
from netvet.capture.keras_producers import Producer, graph_of, producer_of
from netvet.capture.keras_samples import Samples
from netvet.capture.keras_setup import KerasSetup
from netvet.capture.keras_sites import Sites
from netvet.capture.recorder import Recorder
from netvet.capture.site import Site

# All of the first steps are heard, and as many more as this much time allows; then those alone that are looked at.
DENSE_STEPS, GRACE_SECONDS = 100, 3.0
# Batches of the first steps that are kept for the end of the run, and their size.
MAX_KEPT, MAX_BYTES = 200, 64 * 2**20


@dataclass(slots=True)
class Plan:
    """One call of the training function to come."""

    step: int
    deep: bool
    arguments: tuple[Any, ...]
    batches: list[Any] = field(default_factory=list)
    trainable: list[Array] = field(default_factory=list)
    others: list[Array] = field(default_factory=list)
    tracked: tuple[float, float] | None = None


class Training:
    """What is known of the training of one model.

    Args:
        count: the step of the run.
    """

    def __init__(
        self, recorder: Recorder, model: Any, backend: Backend, sites: Sites, count: Callable[[], int]
    ) -> None:
        self.recorder, self.model, self.backend, self.sites = recorder, model, backend, sites
        self._count = count
        self._take_in()
        self.losses, self.inputs = Losses(recorder), Inputs(recorder, self.names.model)
        self.samples, self.fixed = Samples(recorder), FixedBatch(recorder, self.array)
        self.parameters: Parameters | None = None
        self.contracts: list[Contract] = []
        self.fit_site: Site | None = None
        self.class_weight: list[float] | None = None
        self.first: Plan | None = None
        self.look: Look | None = None
        self.graph: list[dict[str, Any]] = []
        self.kept: list[Any] = []
        self.outputs: list[Array] = []
        self.paths: list[tuple[str, ...]] = []
        self.calls = self.steps = self._bytes = 0
        self.modules: list[dict[str, Any]] = []
        self.state: dict[str, list[Any]] = {}
        self._rate: float | None = None
        self.first_rate: float | None = None
        self.course: list[float] = []
        self.fits = 0
        self.trials: dict[str, Any] = {}
        self.always, self.looks = False, True
        self.setup: KerasSetup | None = None  # what is collected for experiments

    def _take_in(self) -> None:
        """The layers and variables of the model, as they are now."""
        model = self.model
        self.names = Names(model)
        self.sandbox = Sandbox(model, self.backend)
        self._activations = Activations(self.recorder, self.names)
        self.variables = (list(model.trainable_variables), list(model.non_trainable_variables))

    @property
    def site(self) -> Site | None:
        """The line that stands for the loss: where the model was compiled."""
        return self.sites.compiled.get(id(self.model)) or self.fit_site

    @property
    def accumulated(self) -> int:
        """Calls for each step of the optimizer."""
        return int(getattr(getattr(self.model, "optimizer", None), "gradient_accumulation_steps", None) or 1)

    def before(self, arguments: tuple[Any, ...]) -> Plan:
        """A call of the training function begins."""
        step, recorder = self._count(), self.recorder
        deep = self.looks and recorder.schedule.deep(step)
        early = self.first is None or step < DENSE_STEPS or recorder.cost - recorder.once < GRACE_SECONDS
        awake = deep or early or self.always or (self.setup is not None and self.setup.takes("train"))
        plan = Plan(step, deep, arguments)
        if awake:
            plan.arguments = self.backend.heard(arguments, plan.batches.append) or arguments
        else:
            self.samples.gap()
        self.state = self.backend.state(self.model, arguments)
        plan.tracked = self._tracked(self.state)
        if awake:
            self._note_rate(step)
        if deep or self.first is None:
            plan.trainable = [self.backend.array(v) for v in self.state["trainable"]]
            plan.others = [self.backend.array(v) for v in self.state["non_trainable"]]
        return plan

    def after(self, plan: Plan, result: Any) -> None:
        """It has ended."""
        began = perf_counter()
        given = (result[1],) if self.backend.name == "jax" else ()
        self.state = self.backend.state(self.model, given)
        self.calls += 1
        self._raw_loss(plan, result)
        batch = plan.batches[0] if plan.batches else None
        for one in plan.batches if self.setup is not None else ():
            self.recorder.guard("setup for experiments", self._keep)(one)
        if batch is not None:
            self._batch(plan, batch)
        if self.first is None and not self.same(self.model):
            self._take_in()  # with TensorFlow the first step builds the model: the second is looked at first
        else:
            wanted = self.looks and (plan.deep or self.first is None)
            if batch is not None and wanted and not self.sandbox.slow(batch):
                self.recorder.guard("close looks", self._deep)(plan, batch)
            self.first = self.first or (plan if plan.batches else None)
        self.steps += max(1, int(getattr(self.model, "steps_per_execution", 1) or 1))
        self.recorder.schedule.spent += perf_counter() - began

    def _keep(self, batch: Any) -> None:
        if self.setup is not None:
            self.setup.keep("train", batch, self._rate)

    def failed(self, plan: Plan) -> None:
        """It has raised: what it was given is told all the same."""
        if plan.batches and plan.trainable and not self.losses.given:
            batch = plan.batches[0]
            outputs = self.sandbox.outputs(plan.trainable, plan.others, batch[0], training=False)
            self._batch(plan, batch)
            self._losses(plan.step, batch, outputs, math.nan, None)

    def _tracked(self, state: dict[str, list[Any]]) -> tuple[float, float] | None:
        """Sum and count of the mean of the loss that Keras keeps."""
        tracker = getattr(self.model, "_loss_tracker", None)
        ids = [id(v) for v in self.model.metrics_variables]
        own = [ids.index(id(v)) for v in getattr(tracker, "variables", ()) if id(v) in ids]
        if len(own) != 2 or max(own) >= len(state["metrics"]):
            return None
        total, count = (float(self.backend.array(state["metrics"][i])) for i in own)
        return total, count

    def _raw_loss(self, plan: Plan, result: Any) -> None:
        """The loss of this step alone, from the mean that Keras keeps over an epoch."""
        now, value = self._tracked(self.state), math.nan
        if now is not None and plan.tracked is not None:
            total, count = now[0] - plan.tracked[0], now[1] - plan.tracked[1]
            if count <= 0:  # the mean was begun anew
                total, count = now
            value = total / count if count > 0 else math.nan
        if now is None or now[1] == 0:  # a step of the user's own, which does not tell Keras of its loss
            logs = result[0] if self.backend.name == "jax" else result
            found = logs.get("loss") if isinstance(logs, dict) else None
            if found is None:
                return
            value = float(self.backend.array(found)) if hasattr(found, "shape") else float(found)
        self.recorder.value(plan.step, "loss", value, site_name(self.site))
        self.course.append(value)

    def _note_rate(self, step: int) -> None:
        optimizer = getattr(self.model, "optimizer", None)
        self._rate = rate_of(optimizer, self.state["optimizer"], self.backend) if optimizer is not None else None
        self.first_rate = self.first_rate if self.first is not None else self._rate
        if self._rate is not None:
            self.recorder.value(step, "lr", self._rate, f"{type(optimizer).__name__}/0")

    def arrays(self, values: Any) -> list[Array]:
        """The tensors of a structure in NumPy."""
        return [self.array(leaf) for leaf in leaves_of(values)]

    def array(self, leaf: Any) -> Array:
        """A tensor in NumPy."""
        return leaf if isinstance(leaf, np.ndarray) else self.backend.array(leaf)

    def _batch(self, plan: Plan, batch: Any) -> None:
        """Take in what entered one step."""
        x, y = (batch[0], batch[1] if len(batch) > 1 else None) if isinstance(batch, (tuple, list)) else (batch, None)
        inputs, targets = self.arrays(x), self.arrays(y)
        self.inputs.add(plan.step, "train", inputs, self.fit_site, self._rows())
        self.samples.train.add(inputs, targets[0] if len(targets) == 1 else None)
        for contract in self.contracts:
            self._targets(contract, y)
        size = sum(a.nbytes for a in (*inputs, *targets))
        if len(self.kept) < MAX_KEPT and self._bytes + size <= MAX_BYTES and len(self.kept) == self.calls - 1:
            self.kept.append(batch)
            self._bytes += size

    def _rows(self) -> int | None:
        rows = [layer.input_dim for _, layer in self.names.layers if type(layer).__name__ == "Embedding"]
        return int(rows[0]) if len(rows) == 1 else None

    def _deep(self, plan: Plan, batch: Any) -> None:
        """Look closely at one step, beside it."""
        if self._unknown():
            for signal in ("losses", "targets", "modules", "parameters"):
                self.recorder.missing(signal, "the model has a train_step and a loss of its own")
            return
        look = self.sandbox.step(plan.trainable, plan.others, batch)
        first = self.look is None
        if first:
            self._begin(plan, look)
        self._losses(plan.step, batch, look.outputs, look.loss, look)
        for contract in self.contracts if first else ():
            self._targets(contract, _targets_of(batch))
        single = int(getattr(self.model, "steps_per_execution", 1) or 1) == 1 and self.accumulated == 1
        after = [self.backend.array(v) for v in self.state["trainable"]] if single else None
        if self.parameters is not None:
            self.parameters.step(self.recorder, plan.step, plan.trainable, after, look.gradients)
        self._activations.look(plan.step, look)
        pair = (self.sandbox, plan, batch)
        sole = self.contracts[0] if len(self.contracts) == 1 else None
        self.fixed.look(*pair, sole, site_name(self.site), self.paths)

    def _unknown(self) -> bool:
        """Whether Keras does not know of the loss: the model computes it in a `train_step` of its own."""
        own = [c for c in type(self.model).__mro__ if not c.__module__.startswith("keras.")]
        steps, losses = (any(name in c.__dict__ for c in own) for name in ("train_step", "compute_loss"))
        return steps and not losses and getattr(self.model, "_compile_loss", None) is None

    def _begin(self, plan: Plan, look: Look) -> None:
        """The first step that is looked at: what the model is made of."""
        self.look, self.outputs, self.paths = look, look.outputs, look.heard.paths
        self.contracts = contracts_of(self.model)
        pairs = zip((*self.variables[0], *self.variables[1]), (*plan.trainable, *plan.others), strict=True)
        values = {id(v): a for v, a in pairs}
        self.parameters = Parameters(self.names, values, self.sites.loaded, self.sites.made)
        self.parameters.called(look.heard)
        self.modules = module_records(self.names, look.heard, self.sites.made)
        for contract in self.contracts:
            site = self.losses.entry(contract, site_name(self.site), "train").site
            self.graph += graph_of(self.names, look.heard, contract, site, self.sites.made)
        self.report()

    def _targets(self, contract: Contract, y: Any) -> None:
        """Take in the targets of one batch, where the shape of the output is known."""
        pair = entering(contract, y, self.outputs, self.paths)
        if pair is not None:
            given = self.losses.entry(contract, site_name(self.site), "train")
            self.losses.targets(given, self.arrays(pair[1])[0], pair[0])

    def _losses(self, step: int, batch: Any, outputs: list[Array], value: float, look: Look | None) -> None:
        self.outputs = outputs
        heard = look.heard if look is not None else None
        self.contracts = self.contracts or contracts_of(self.model)
        self.paths = heard.paths if heard is not None else self.paths or [()] * len(outputs)
        for contract in self.contracts:
            found = entering(contract, _targets_of(batch), outputs, self.paths)
            if found is None:
                continue
            pair = found[0], self.arrays(found[1])[0]
            made = producer_of(heard, which_output(contract, self.paths), self.sites.made)
            if self.backend.name == "tensorflow" and takes_back(contract, made.op):
                made = Producer("linear", None, made.site, taken_back=True)
            given = self.losses.entry(contract, site_name(self.site), "train")
            self.losses.look(step, given, *pair, value, made)
            place = self.site
            given.record |= {"file": place.file if place else None, "line": place.line if place else None}
            given.record["weight"] = self.class_weight
            if look is None:
                self.losses.targets(given, pair[1], pair[0])

    def structured(self, arrays: list[Array]) -> Any:
        """Inputs as the model takes them: in the structure of the first batch."""
        batch = self.first.batches[0] if self.first is not None else None
        x = batch[0] if isinstance(batch, (tuple, list)) else batch
        if isinstance(x, dict):
            return dict(zip(x, arrays, strict=True))
        return type(x)(arrays) if isinstance(x, (tuple, list)) else arrays[0]

    def now(self) -> tuple[list[Array], list[Array]]:
        """Present values of the trainable and the other variables, between two calls of `fit` or behind one."""
        try:
            trainable, others = ([self.backend.array(v.value) for v in some] for some in self.variables)
        except (RuntimeError, ValueError):  # with JAX, a step takes the buffers, and `fit` alone brings new ones back
            if not self.state:
                raise
            trainable, others = ([self.backend.array(v) for v in self.state[k]] for k in ("trainable", "non_trainable"))
        return trainable, others

    def same(self, model: Any) -> bool:
        """Whether the model trains the same variables still."""
        now = [id(v) for v in model.trainable_variables]
        return model is self.model and now == [id(v) for v in self.variables[0]]

    def report(self) -> None:
        """Write all facts that are known by now."""
        recorder = self.recorder
        self.losses.report(self.calls)
        self.inputs.report()
        self.samples.report()
        if self.parameters is not None:
            recorder.facts("parameters", self.parameters.records())
        if self.modules:
            recorder.facts("modules", self.modules)
        if self.graph:
            recorder.facts("graph", self.graph)
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and self.steps:
            made = optimizer_record(self.names, optimizer, self.sites, self.fit_site, self.steps, self._rate)
            recorder.facts("optimizers", [made])


def _targets_of(batch: Any) -> Any:
    return batch[1] if isinstance(batch, (tuple, list)) and len(batch) > 1 else None
