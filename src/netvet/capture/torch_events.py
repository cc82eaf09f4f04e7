"""What the taps tell the collectors: one small record per event, handed to every collector that wants it.

A collector is a class with a `part` name and any of the methods `on_<event>` named below; it reads PyTorch
objects while an event is delivered and keeps no reference to the user's tensors beyond the step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn

from netvet.capture.recorder import Recorder
from netvet.capture.site import Site

if TYPE_CHECKING:
    from netvet.capture.torch_always_on import AlwaysOn
    from netvet.capture.torch_models import Models
    from netvet.capture.torch_plain_steps import PlainSteps
    from netvet.capture.torch_sleep import Sleeper

Phase = Literal["train", "eval", "train-mode-no-grad", "eval-mode-grad"]


@dataclass(slots=True)
class Call:
    """A call of a module that is inside no other module's call.

    Args:
        module: what was called.
        model: the outermost module that contains it (often the same).
    """

    module: nn.Module
    model: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    phase: Phase
    site: Site | None
    output: Any = None


@dataclass(slots=True)
class LossCall:
    """A call of a loss function of torch.nn.functional (its module form calls the same).

    Args:
        arguments: all arguments by name, defaults filled in, `input` and `target` among them.
        grad: gradients were enabled.
        sign: -1 where the output is the negative of this loss (only of one written by hand).
        own_target: the model made the target itself: this is no data.
    """

    function: str
    input: torch.Tensor
    target: torch.Tensor
    arguments: Mapping[str, Any]
    output: torch.Tensor
    site: Site | None
    grad: bool
    sign: int = 1
    own_target: bool = False


@dataclass(slots=True)
class Backward:
    """A call of backward on a loss. `scale` is the GradScaler's factor in the loss (1 without one)."""

    loss: torch.Tensor
    site: Site | None
    scale: float
    error: BaseException | None = None


@dataclass(slots=True)
class Step:
    """A step of an optimizer; one that a GradScaler leaves out is none.

    Args:
        scale: the GradScaler's factor that is still in the gradients.
        moved: the optimizer has moved the weights before it called its closure: they are not those before the step.
    """

    optimizer: torch.optim.Optimizer
    name: str
    site: Site | None
    scale: float = 1.0
    moved: bool = False


@dataclass(slots=True)
class Clip:
    """A call of clip_grad_norm_ or clip_grad_value_, after it ran.

    Args:
        norm: the norm before, still a tensor; None where it is not known.
    """

    kind: Literal["norm", "value"]
    parameters: list[torch.Tensor]
    limit: float
    norm: torch.Tensor | None
    site: Site | None


@dataclass(slots=True)
class Happening:
    """Anything else: the object it happened to, where, and details by name."""

    subject: Any
    site: Site | None
    details: dict[str, Any] = field(default_factory=dict)


EVENTS = (
    "start",  # None: the taps are in, the program has not begun
    "call_begin",  # Call
    "call_end",  # Call, with its output
    "call_failed",  # Call that raised; no call_end follows
    "loss",  # LossCall
    "failed_loss",  # LossCall that raised, with its input as its output; no loss follows
    "hand_loss",  # LossCall: one written by hand, known by its value; only in the first steps
    "backward_begin",  # Backward
    "backward_end",  # Backward
    "optimizer_created",  # Happening(optimizer)
    "zero_grad",  # Happening(optimizer or module): after it ran
    "clip",  # Clip
    "step_begin",  # Step: gradients are final, weights are still old (with a closure: after its first call)
    "step_end",  # Step: weights are new; session.step is already counted up
    "scheduler_created",  # Happening(scheduler)
    "scheduler_step",  # Happening(scheduler), details: initial (bool)
    "scaler",  # Happening(scaler), details: kind (`scale`, `unscale`, `step`, `update`), optimizer
    "loader_iter",  # Happening(loader)
    "loader_batch",  # Happening(loader), details: batch (what the loop gets), index
    "seed",  # Happening(None), details: generator
    "checkpoint",  # Happening(target), details: kind, keys, missing, unexpected, strict
    "initialised",  # Happening(tensor): a function of torch.nn.init has filled it
    "sleep",  # None: nothing is told until `wake`, but for what a collector names in `dormant`
    "wake",  # None: a step begins, or an evaluation; what happened since `sleep` is not known
    "mode",  # Happening(model), details: training; train() or eval() was called; told of in sleep only
    "report",  # None: write all facts as they stand (called now and then, and at the end)
    "finish",  # str: how the run ended (`ok`, `exception`, `interrupt`); before the last report
)


Listener = tuple[str, Callable[[Any], Any]]
# Events that belong to no step, or come so seldom that they are told of in sleep too.
_ALWAYS = ("start", "sleep", "wake", "report", "finish")
_RARE = ("optimizer_created", "scheduler_created", "seed", "checkpoint", "initialised")


class Session:
    """What collectors share: the clock, the recorder, the models, and the way to hear of events.

    Attributes:
        deep: this step is to be looked at closely.
        in_backward: a backward pass is running.
        settled: an optimizer is stepping and has its gradients: what a closure computes now is its own search.
        first_step_done: an optimizer has stepped; `ended`: the program has ended.
        forbidden: ids of modules that must not be called now: copies are at work, and these are the user's own.
        asleep: no collector hears of anything, but for the events that it names in `dormant`.
        left: steps until the next window while asleep, of the window while awake (0 before the first sleep).
        evaluated: a model was called without gradients since the collectors woke.
        every_step: parameters and layers are measured at every step, also while the collectors sleep.
        steps_of: completed steps of each optimizer, by its name; `heard`: those at which the collectors were awake.
        emitting: collectors are at work: PyTorch functions that run now are theirs, not the user's.
        stretch: see `PlainSteps`, which owns it: the optimizer of plain steps, how many, and their limit.
    """

    def __init__(self, recorder: Recorder, models: Models, *, every_step: bool = False) -> None:
        self.recorder = recorder
        self.models = models
        self._step = 0
        self.stretch: list[Any] = [None, 0, 0]
        self.deep = True
        self.in_backward = self.settled = False
        self.first_step_done = self.ended = False
        self.asleep = self.evaluated = False
        self.left = 0
        self.steps_of: dict[str, int] = {}
        self.heard = 0
        self.every_step = every_step
        self.sleeper: Sleeper | None = None
        self.always_on: AlwaysOn
        self.plain: PlainSteps
        self.emitting = False
        self.forbidden: frozenset[int] = frozenset()
        self.options: dict[str, Any] = {}
        self._listeners: dict[str, list[Listener]] = {event: [] for event in EVENTS}
        # Those that hear of steps between the deep ones too.
        self._constant: dict[str, list[Listener]] = {event: [] for event in EVENTS}
        # Those that hear of some events even in sleep.
        self._dormant: dict[str, list[Listener]] = {event: [] for event in EVENTS}
        self._awake = True
        self._deep_step = 0

    @property
    def step(self) -> int:
        """Completed optimizer steps, all optimizers together."""
        return self._step + int(self.stretch[1])

    @step.setter
    def step(self, value: int) -> None:
        self._step = value - int(self.stretch[1])

    def add(self, collector: Any) -> None:
        """Let a collector hear of the events that it has methods for."""
        for event in EVENTS:
            method = getattr(collector, f"on_{event}", None)
            if method is not None:
                sampled = getattr(collector, "sampled", False)
                listener = (collector.part, self._timed(method) if sampled else method)
                self._listeners[event].append(listener)
                if not sampled or event in _ALWAYS:
                    self._constant[event].append(listener)
                constant = "dormant" in vars(type(collector)) and (self.every_step or not sampled)
                if event in _ALWAYS or event in _RARE or (constant and event in collector.dormant):
                    self._dormant[event].append(listener)

    def keep_only(self, parts: frozenset[str]) -> None:
        """Let only these parts hear of anything: a short run that is made for one number needs no others."""
        self._forget({part for table in self._listeners.values() for part, _ in table} - parts)

    def next_step(self, optimizer: str) -> None:
        """A step has ended: decide how closely the next one is looked at.

        Collectors with `sampled = True` hear of deep steps only, and of as many after them as there are optimizers,
        so that each can compare its next gradients with those it had then.
        """
        self.steps_of[optimizer] = self.steps_of.get(optimizer, 0) + 1
        optimizers, slept, sleeper = len(self.steps_of), self.asleep, self.sleeper
        self.heard += not slept
        if sleeper is not None:
            sleeper.after_step(optimizers)
        if self.asleep or slept:
            return
        if sleeper is not None and sleeper.in_window:
            self.deep = self.every_step or self.left > optimizers
            return
        if self.deep:
            self._deep_step = self.step
        self.deep = self.every_step or self.recorder.schedule.deep(self.step)
        self._awake = self.deep or self.step - self._deep_step < optimizers

    def wake(self) -> None:
        """The collectors hear again of everything, and look closely."""
        self.asleep, self.evaluated = False, False
        self.deep = self._awake = True

    def _timed(self, method: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """The method of a collector with `sampled = True`: its time is held under the budget of deep steps."""
        schedule = self.recorder.schedule

        def timed(what: Any) -> None:
            began = perf_counter()
            try:
                method(what)
            finally:
                schedule.spent += perf_counter() - began

        return timed

    def emit(self, event: str, what: Any = None) -> None:
        """Tell all collectors; an error in one is kept from the others and from the training.

        The guard and the clock are here rather than around each collector: models are called thousands of times.
        """
        awake = self._listeners if self._awake else self._constant
        listeners = (self._dormant if self.asleep else awake)[event]
        if not listeners:
            return
        recorder = self.recorder
        outer, self.emitting = self.emitting, True
        counted, recorder.counting = recorder.counting, True
        began = perf_counter()
        failed: set[str] = set()
        try:
            for part, listener in listeners:
                try:
                    listener(what)
                except Exception as error:
                    failed.add(part)
                    recorder.switch_off(part, error)
        finally:
            if failed:
                self._forget(failed)
            self.emitting, recorder.counting = outer, counted
            if not counted:
                recorder.cost += perf_counter() - began

    def _forget(self, parts: set[str]) -> None:
        for table in (self._listeners, self._constant, self._dormant):
            for event, listeners in table.items():
                table[event] = [one for one in listeners if one[0] not in parts]

    def wants(self, event: str) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners[event])
