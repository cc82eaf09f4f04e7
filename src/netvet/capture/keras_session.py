"""The capture of a training with Keras 3, on any of its backends.

A step of Keras may be compiled as a whole, and is left as it is: its function is wrapped, the batches on their way to
it are heard, and what is to be known of a step is computed beside it from the values that it began with.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from time import perf_counter
from typing import Any

from netvet.capture.imports import ImportListener
from netvet.capture.keras_backends import Backend, backend_of
from netvet.capture.keras_evaluations import Evaluations
from netvet.capture.keras_fit import Fit, fit_around, note_loader
from netvet.capture.keras_listener import listener_of
from netvet.capture.keras_patch import Patches
from netvet.capture.keras_setup import KerasSetup, frozen_flags
from netvet.capture.keras_sites import Sites
from netvet.capture.keras_stop import KerasStop
from netvet.capture.keras_training import Training
from netvet.capture.live import Live, LiveOptions, Stopper
from netvet.capture.recorder import Recorder
from netvet.capture.site import Site, user_site

# Facts are written at these steps and then every so many seconds, so that a killed run still tells its story.
FIRST_REPORTS = (1, 10, 100)
REPORT_SECONDS = 10.0
MAX_MODELS = 20


class KerasCapture:
    """The taps of one run, and what is known of each model that is trained in it.

    Args:
        probes: look at the run as a whole at its end, on copies.
        always: hear every batch, whatever it costs.

    Attributes:
        looks: at single steps beside the training; else only what the program itself tells is heard.
        told: called with each batch that is heard: how (`train`, `fit` for its validation, `eval`), model, batch.
        asked: called behind each step: whether to end the training.
    """

    unseen = "netvet watches `fit` and `train_on_batch` of Keras 3 in this process"

    def __init__(self, recorder: Recorder, *, probes: bool = True, always: bool = False) -> None:
        self.recorder, self.ended = recorder, False
        self._always = always
        self._probes = probes
        self._patches, self._sites = Patches(), Sites()
        self._import = ImportListener({"keras": lambda _: self._imported()})
        self._trainings: dict[int, Training] = {}
        self._over: list[Training] = []  # of models that train other variables now
        self._wrapped: list[tuple[Any, str, Any, Any]] = []
        self._evaluations = Evaluations(recorder)
        self._backend: Backend | None = None
        self._loaders: list[dict[str, Any]] = []
        self._reported = perf_counter()
        self.fits = 0
        self.asked: Callable[[], None] = lambda: None
        self.told: Callable[[str, Any, Any], object] = lambda how, model, batch: None
        self.looks = True
        self.reported = False
        self.collects = False  # keep what experiments need of each training

    @property
    def step(self) -> int:
        """Completed optimizer steps, of all models together."""
        return sum(t.steps // t.accumulated for t in (*self._over, *self._trainings.values()))

    def environment(self) -> dict[str, Any]:
        """Versions and device."""
        found: dict[str, Any] = {"python": sys.version.split()[0], "device": "cpu", "framework": "keras"}
        backend = self._backend.name if self._backend is not None else None
        for package in ("keras", *([backend] if backend else [])):
            try:
                found[package] = version({"tensorflow": "tensorflow"}.get(package, package))
            except PackageNotFoundError:
                module = sys.modules.get(package)
                found[package] = str(getattr(module, "__version__", "?"))
        return found | ({"backend": backend} if backend else {})

    def install(self) -> None:
        """Wait for the import of Keras, which must know its backend first."""
        self._import.install()

    def _imported(self) -> None:
        self.recorder.guard("taps", self._tap)()

    def _tap(self) -> None:
        import keras

        self._backend = backend_of(keras.backend.backend())
        if self._backend is None or int(keras.__version__.split(".")[0]) < 3:
            raise RuntimeError(
                f"Keras {keras.__version__} on {keras.backend.backend()}: expected Keras 3 on torch, jax or tensorflow"
            )
        self.recorder.facts("environment", [self.environment()])
        self._sites.install(self._patches)
        self._patches.method(keras.Model, "make_train_function", self._made("train_function"))
        self._patches.method(keras.Model, "make_test_function", self._made("test_function"))
        self._patches.method(keras.callbacks.CallbackList, "__init__", self._listen)

    def _listen(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def made(callbacks: Any, *args: Any, **kwargs: Any) -> None:
            original(callbacks, *args, **kwargs)
            self.recorder.guard("callback", self._attach)(callbacks)

        return made

    def _attach(self, callbacks: Any) -> None:
        listener = listener_of(self)
        listener.set_model(getattr(callbacks, "_model", None))
        callbacks.callbacks.append(listener)

    def _made(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
            def make(model: Any, *args: Any, **kwargs: Any) -> Any:
                result = original(model, *args, **kwargs)
                self.recorder.guard("taps", self.follow)(model, name)
                return result

            return make

        return wrap

    def follow(self, model: Any, name: str) -> None:
        """Hear the calls of a function of the model from now on."""
        function = getattr(model, name, None)
        if function is None or getattr(function, "heard_by_netvet", False) or not self.recorder.here:
            return
        run = self._train_step if name == "train_function" else self._test_step

        def heard(*args: Any) -> Any:
            return run(model, function, args)

        heard.heard_by_netvet = True  # type: ignore[attr-defined]
        self._wrapped.append((model, name, heard, function))
        setattr(model, name, heard)

    def training(self, model: Any) -> Training | None:
        """What is known of a model; made where it is new."""
        found = self._trainings.get(id(model))
        if found is not None and found.same(model):
            return found
        if self._backend is None or len(self._trainings) + len(self._over) >= MAX_MODELS:
            return None
        if found is not None:
            self._over.append(found)
        for earlier in (*self._over, *self._trainings.values()):  # what was trained before was not drawn at random
            self._sites.loaded |= {id(v): None for v in earlier.variables[0]} if earlier.steps else {}
        new = Training(self.recorder, model, self._backend, self._sites, lambda: self.step)
        new.fit_site, new.always, new.looks = user_site(4), self._always, self.looks
        if self.collects:
            new.setup = self.recorder.guard(
                "setup for experiments", lambda: KerasSetup(new.array, frozen_flags(model))
            )()
        self._trainings[id(model)] = new
        return new

    def _train_step(self, model: Any, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        recorder = self.recorder
        if self.ended or not recorder.here:
            return function(*args)
        training = recorder.guard("training", self.training)(model)
        plan = recorder.guard("steps", training.before)(args) if training is not None else None
        if training is None or plan is None:
            return function(*args)
        try:
            result = function(*plan.arguments)
        except StopIteration:
            raise
        except Exception:
            recorder.guard("the step that failed", training.failed)(plan)
            raise
        recorder.guard("steps", training.after)(plan, result)
        for batch in plan.batches:
            recorder.guard("scores", self.told)("train", model, batch)
        recorder.guard("reports", self._step_taken)()
        self.asked()
        return result

    def _step_taken(self) -> None:
        now = perf_counter()
        if self.step in FIRST_REPORTS or now - self._reported > REPORT_SECONDS:
            self._reported = now
            self.report()
            self.reported = True

    def _test_step(self, model: Any, function: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        recorder, backend = self.recorder, self._backend
        if self.ended or not recorder.here or backend is None:
            return function(*args)
        training = self._trainings.get(id(model))
        tell = recorder.guard("evaluations", lambda batch: self._scored(model, training, batch))
        arguments = recorder.guard("evaluations", backend.heard)(args, tell)
        return function(*(arguments or args))

    def _scored(self, model: Any, training: Training | None, batch: Any) -> None:
        """One batch of an evaluation."""
        inside = self._evaluations.inside
        self._evaluations.batch(training, batch)
        self.recorder.guard("scores", self.told)("fit" if inside else "eval", model, batch)
        if training is not None and training.setup is not None:
            training.setup.keep("val" if inside else "scored", batch)

    def adopt(self, model: Any) -> None:
        """Take in a model whose `fit` has begun before the taps were in."""
        fit = fit_around(model)
        if fit is not None and fit.callbacks is not None:
            self._attach(fit.callbacks)
        self.fit_begins(model)

    def fit_begins(self, model: Any) -> None:
        """`fit` has begun, and its callbacks are told."""
        self.follow(model, "train_function")
        training, fit = self.training(model), fit_around(model)
        self.fits += 1
        if training is None:
            return
        training.fits += 1
        if fit is not None:
            training.fit_site = fit.site or training.fit_site
            training.class_weight = fit.class_weight
            note_loader(self._loaders, fit)
            self.recorder.facts("loaders", self._loaders)

    def epoch_begins(self, model: Any) -> None:
        """An epoch of `fit` begins."""
        training = self._trainings.get(id(model))
        if training is not None:
            training.samples.epoch()

    def test_begins(self, model: Any, site: Site | None) -> None:
        """An evaluation begins, within `fit` or by itself."""
        self.follow(model, "test_function")
        inside = fit_around(model) is not None
        self._evaluations.begin(self.step, model, site, inside=inside)

    def test_ends(self, logs: dict[str, Any] | None) -> None:
        """It has ended."""
        self._evaluations.end(dict(logs or {}))

    def report(self) -> None:
        """Write all facts that are known by now, of the model that was trained most."""
        training = self.main()
        if training is not None:
            training.report()
        self._evaluations.report()

    def main(self) -> Training | None:
        """The model that was trained most."""
        return max((*self._trainings.values(), *self._over), key=lambda t: t.steps, default=None)

    def finish(self, ended: str) -> None:
        """Look a last time, write all facts, and take the taps out."""
        self.recorder.suspended = self.ended = True
        try:
            training = self.main()
            if training is not None:
                self.recorder.guard("the end of the run", self._last_look)(training)
            self.recorder.guard("reports", self.report)()
        finally:
            self.remove()

    def _last_look(self, training: Training) -> None:
        from netvet.capture.keras_end import look_back

        if self._backend is not None:
            self.recorder.facts("environment", [self.environment()])
        look_back(training, self._evaluations, probes=self._probes)

    def remove(self) -> None:
        """Take the taps out; Keras is as it was."""
        self._import.remove()
        self._patches.undo()
        for model, name, heard, function in self._wrapped:
            if getattr(model, name, None) is heard:
                setattr(model, name, function)
        self._wrapped.clear()

    def stop(self, run: Live, stopper: Stopper) -> KerasStop:
        """What asks between steps whether to end the training."""
        return KerasStop(run, self, stopper)


def capture_of(recorder: Recorder, options: LiveOptions, *, first: bool) -> KerasCapture:
    """The capture of a training with Keras."""
    del first  # of several processes, each hears its own
    if options.deep:
        recorder.schedule = type(recorder.schedule)(options.overhead, 1)
    return KerasCapture(recorder, probes=options.probes, always=options.every is not None or options.deep)


__all__ = ["Fit", "KerasCapture", "capture_of"]
