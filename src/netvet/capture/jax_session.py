"""One watched run with JAX: taps in, looks taken, facts written now and then, everything taken out again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

import jax

from netvet.capture import jax_facts
from netvet.capture.jax_compared import Compared
from netvet.capture.jax_evaluations import Evaluations
from netvet.capture.jax_events import Session
from netvet.capture.jax_finite import FirstNonFinite
from netvet.capture.jax_gradients import tap_gradients
from netvet.capture.jax_inputs import Inputs
from netvet.capture.jax_marks import tap_functions, tap_losses
from netvet.capture.jax_optimizers import OptimizerTap
from netvet.capture.jax_outer import Eager, Outer
from netvet.capture.jax_probes import initial_losses
from netvet.capture.jax_replayed import Replayed
from netvet.capture.jax_replicas import Replicas
from netvet.capture.jax_stop import JaxStop
from netvet.capture.jax_tape import Tape
from netvet.capture.jax_training import Training
from netvet.capture.jax_twins import tap_compilation
from netvet.capture.live import Live, LiveOptions, Stopper
from netvet.capture.patches import Patches
from netvet.capture.recorder import Recorder

# Facts are written at these steps and then every so many seconds, so that a killed run still tells its story.
FIRST_REPORTS = (1, 10, 100)
REPORT_SECONDS = 10.0
# Why signals do not come, where the program is one of JAX.
_COPIES = "probes that train a copy are made for PyTorch alone (docs/jax.md)"
_LOOPS = "a program of JAX has no such object to watch"
_ABSENT = {
    **dict.fromkeys((
        "lr_probe", "lr_trial", "baselines", "input_ablation", "depth_scale", "final_bias", "batch_mixing",
        "future_leak", "mask_probe", "batched_differs", "step_repeat", "eval_repeat", "loss_contract", "accumulation",
        "target_in_input", "held_out_predictions", "fixed_batch", "fixed_batch_flips", "fixed_batch_loss",
        "gradient_noise", "grad_cosine", "black_box",
    ), _COPIES),
    **dict.fromkeys((
        "loaders", "gradient_resets", "clips", "schedulers", "scalers", "checkpoints", "unregistered", "live_graphs",
        "live_outputs", "retained_losses", "seeds", "events", "worker_draws", "stored_data",
    ), _LOOPS),
}  # fmt: skip


class Watch:
    """The taps and collectors of one run.

    Args:
        recorder: where the signals go.
        probes: look at the first step and at the trained net beyond what the program itself does.
        every_step: look at every step, whatever it costs.
    """

    unseen = "netvet watches losses that jax.value_and_grad or jax.grad differentiates in this process"

    def __init__(self, recorder: Recorder, *, probes: bool = True, every_step: bool = False) -> None:
        self.recorder, self.probes = recorder, probes
        self.session = session = Session(recorder)
        self._patches = Patches()
        self._reported, self._next_report = perf_counter(), 0
        self.compared = Compared(session)
        self.outer, self.inputs = Outer(session), Inputs(session)
        self.evaluations = Evaluations(session, self.compared, self.inputs)
        self.tape, non_finite = Tape(session), FirstNonFinite(session)
        self.replayed, self.replicas = Replayed(session, self.tape), Replicas()
        session.options |= {
            "deep": every_step, "optimizers": OptimizerTap(session), "training": Training(session),
            "outer": self.outer, "eager": Eager(session), "non_finite": non_finite,
            "hearers": [self.compared.hear, self.inputs.hear, non_finite.hear, self._heard],
            "inputs": self.inputs, "evaluations": self.evaluations, "tape": self.tape, "replayed": self.replayed,
            "replicas": self.replicas,
        }  # fmt: skip

    @property
    def step(self) -> int:
        """Completed updates."""
        return self.session.step

    @property
    def ended(self) -> bool:
        """The program has ended, and netvet looks at the run as a whole."""
        return self.session.ended

    def environment(self) -> dict[str, Any]:
        """Versions and device."""
        found: dict[str, Any] = {"python": sys.version.split()[0], "jax": jax.__version__}
        found |= {name: sys.modules[name].__version__ for name in ("flax", "optax", "equinox") if name in sys.modules}
        if not self.session.options["training"].places:  # to ask before would choose the devices for the program
            return found
        return found | {"device": jax.default_backend().replace("gpu", "cuda")}

    def stop(self, run: Live, stopper: Stopper) -> JaxStop:
        """What asks between steps whether to end the training."""
        return JaxStop(run, self.session, stopper)

    def install(self) -> None:
        """Put the taps in; must come before the user's program imports anything."""
        session, patches = self.session, self._patches
        tap_compilation(session, patches)
        tap_gradients(session, patches)
        tap_functions(session, patches)
        taps: list[Callable[[], None]] = [
            lambda: tap_losses(session, patches),
            lambda: session.options["optimizers"].install(patches),
        ]
        for tap in taps:
            try:
                tap()
            except ImportError:  # Optax is not installed: steps are taken by hand
                break
        self.tape.install(patches)

    @contextmanager
    def again(self) -> Iterator[None]:
        """After the run: the taps are in once more within, for functions of the program that are traced anew."""
        self.session.ended = False
        self.install()
        try:
            with self.session.repeating():
                yield
        finally:
            self.remove()

    def _heard(self, _place: Any, _look: Any, step: int) -> None:
        now = perf_counter()
        if step >= self._next_report or now - self._reported > REPORT_SECONDS:
            self._reported = now
            self._next_report = next((s for s in FIRST_REPORTS if s > step), 10**18)
            self.report()
            self.session.options["reported"] = True

    def report(self) -> None:
        """Write all facts that are known by now."""
        guard, recorder = self.recorder.guard, self.recorder
        guard("environment", lambda: recorder.facts("environment", [self.environment()]))()
        guard("facts", jax_facts.write)(self.session)
        guard("losses", lambda: recorder.facts("losses", self.compared.losses()))()
        guard("initial loss", self._initial)()
        guard("inputs", lambda: recorder.facts("inputs", self.inputs.records()))()
        guard("inputs", lambda: recorder.facts("samples", self.inputs.samples()))()
        guard("evaluations", lambda: recorder.facts("evaluations", self.evaluations.records))()
        if self.outer.devices:
            guard("replicas", lambda: recorder.facts("replicas", self.replicas.records))()
        guard("targets", lambda: recorder.facts("targets", self.compared.targets()))()

    def _initial(self) -> None:
        places = list(self.session.options["training"].places.values())
        found = initial_losses(self.compared.losses(), self.compared.targets(), places)
        if found:
            self.recorder.facts("initial_loss", found)

    def finish(self, ended: str) -> None:
        """Look a last time, write all facts, and take the taps out."""
        self.recorder.suspended = self.session.ended = True
        try:
            self.recorder.guard("loss", self.outer.flush)()
            self.recorder.guard("loss", self.session.options["training"].close)()
            self.recorder.guard("evaluations", self.replayed.ends)()
            self.recorder.guard("evaluations", self.evaluations.flush)()
            self.report()
            for signal, reason in _ABSENT.items():
                self.recorder.missing(signal, reason)
        finally:
            self.remove()

    def remove(self) -> None:
        """Take the taps out; JAX is as it was."""
        self.session.ended = True
        self._patches.undo()


def capture_of(recorder: Recorder, options: LiveOptions, *, first: bool) -> Watch:
    """The capture of a training with JAX; `first` is of no account, since each process is a run of its own."""
    del first
    return Watch(recorder, probes=options.probes, every_step=options.deep or options.every == 1)
