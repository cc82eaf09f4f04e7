"""Taps at the loop: optimizers, clearing, clipping, scaling, schedules, loaders, seeds, checkpoints."""

from __future__ import annotations

import functools
import inspect
import random
import sys
import weakref
from collections.abc import Callable
from types import FrameType
from typing import Any, Literal

import numpy as np
import torch
from torch.optim import lr_scheduler
from torch.optim.optimizer import Optimizer, register_optimizer_step_post_hook, register_optimizer_step_pre_hook
from torch.utils.data import DataLoader
from torch.utils.data.dataloader import _BaseDataLoaderIter

from netvet.capture.torch_events import Clip, Happening, Session, Step
from netvet.capture.torch_models import WeakIdMap
from netvet.capture.torch_patch import Patches, runs, untraced
from netvet.capture.torch_shards import own_part, own_share
from netvet.capture.torch_site import user_site

Describe = Callable[[Any, tuple[Any, ...], dict[str, Any]], tuple[str, Any] | None]


def after(
    patches: Patches,
    session: Session,
    owner: Any,
    name: str,
    describe: Describe,
    running: set[str] | None = None,
    *,
    rests: bool = False,
) -> None:
    """After each call of `owner.name` emit the event that `describe(result, args, kwargs)` names.

    A call inside a call of the same function (a subclass that calls its base) is not seen twice; nor one of another
    owner that shares `running`. One that `rests` is not heard of while the collectors are asleep.
    """
    describe_safely = session.recorder.guard(name, describe)
    inside: set[str] = set() if running is None else running

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if (rests and session.asleep) or inside or torch.compiler.is_compiling() or not session.recorder.here:
                return original(*args, **kwargs)
            inside.add(name)
            try:
                result = original(*args, **kwargs)
            finally:
                inside.discard(name)
            event = describe_safely(result, args, kwargs)
            if event is not None:
                session.emit(*event)
            return result

        return call

    patches.wrap(owner, name, make, rests=rests)


class OptimizerTap:
    """The clock: emits step_begin and step_end for every optimizer, and counts the steps."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._names: WeakIdMap[str] = session.options.setdefault("optimizers", WeakIdMap())
        self._counts: dict[str, int] = {}
        self._handles: list[Any] = []
        # The frame of the step that goes on, steps inside it, and whether a GradScaler leaves it out.
        self._stepping: FrameType | None = None
        self._inner = 0
        self._left_out = False
        # Steps of optimizers while the collectors sleep, until they are counted with the others.
        self._idle: dict[Optimizer, int] = {}
        session.add(self)

    part = "optimizer steps"

    def install(self, patches: Patches) -> None:
        """Hook into every optimizer's step, present and future."""
        session = self._session
        plan, end = (session.recorder.guard("optimizer steps", f) for f in (self._plan, self._end))
        awaken = session.recorder.guard("sleep", self._awaken)

        # While the collectors sleep these two are all that netvet adds to a step; no clock runs there.
        def before(optimizer: Optimizer, args: Any, kwargs: Any) -> Any:
            frame = sys._getframe(2)
            if self._stepping is not None and runs(self._stepping, frame):
                self._inner += 1  # a step inside a step: of a base class, or of what a wrapper holds
                return None
            self._inner = 0
            self._stepping, self._left_out = frame, _is_left_out(optimizer, asleep=session.asleep)
            session.settled = False
            return None if self._left_out else plan(optimizer, args, kwargs)

        def behind(optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
            if self._inner:
                self._inner -= 1
                return
            self._stepping, session.settled = None, False
            if self._left_out:
                return
            if not session.asleep or session.every_step:
                end(optimizer)
                return
            session.step += 1
            self._idle[optimizer] = self._idle.get(optimizer, 0) + 1
            session.left -= 1
            if session.left <= 0:
                awaken(optimizer)

        hooks = untraced(before), untraced(behind)
        self._handles = [register_optimizer_step_pre_hook(hooks[0]), register_optimizer_step_post_hook(hooks[1])]
        after(patches, session, Optimizer, "__init__", self._created)
        for owner in (Optimizer, torch.nn.Module):
            after(patches, session, owner, "zero_grad", _cleared, rests=True)

    def remove(self) -> None:
        """Take the hooks away again."""
        for handle in self._handles:
            handle.remove()

    def name(self, optimizer: Optimizer) -> str:
        """Class of the optimizer, numbered where there are several."""
        name = self._names.get(optimizer)
        if name is None:
            cls = type(optimizer).__name__
            self._counts[cls] = self._counts.get(cls, 0) + 1
            name = cls if self._counts[cls] == 1 else f"{cls}#{self._counts[cls]}"
            self._names.set(optimizer, name)
        return name

    def _created(self, _result: None, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening]:
        if self._session.sleeper is not None:
            self._session.sleeper.new_phase()
        return "optimizer_created", Happening(args[0], user_site(), {"name": self.name(args[0])})

    def on_wake(self, _: None) -> None:
        """Count the steps that were taken in sleep."""
        for optimizer, steps in self._idle.items():
            name = self.name(optimizer)
            self._session.steps_of[name] = self._session.steps_of.get(name, 0) + steps
        self._idle.clear()

    on_report = on_finish = on_wake

    def _awaken(self, _optimizer: Optimizer) -> None:
        if self._session.recorder.here and self._session.sleeper is not None:
            self._session.sleeper.window(len(self._session.steps_of))

    def _event(self, optimizer: Optimizer) -> Step:
        scale = getattr(optimizer, "grad_scale", None)  # set by GradScaler for fused optimizers only
        site = None if self._session.asleep else user_site()
        return Step(optimizer, self.name(optimizer), site, float(scale) if scale is not None else 1.0)

    def _plan(self, optimizer: Optimizer, args: Any, kwargs: Any) -> Any:
        """Begin the step; one with a closure begins when that has been called once, since it makes the gradients."""
        closure = args[1] if len(args) > 1 else kwargs.get("closure")
        if not callable(closure):
            self._begin(optimizer, moved=False)
            return None
        begin = self._session.recorder.guard("optimizer steps", self._begin)
        before = _versions(optimizer)

        @functools.wraps(closure)
        def first(*given: Any, **named: Any) -> Any:
            result = closure(*given, **named)
            if not self._session.settled:
                begin(optimizer, moved=_versions(optimizer) != before)
            return result

        return ((args[0], first, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "closure": first})

    def _begin(self, optimizer: Optimizer, *, moved: bool) -> None:
        session = self._session
        if session.asleep:
            session.always_on.begin(optimizer)
        if session.recorder.here and (not session.asleep or session.every_step):
            event = self._event(optimizer)
            event.moved = moved
            session.emit("step_begin", event)
        session.settled = True

    def _end(self, optimizer: Optimizer) -> None:
        session = self._session
        if session.recorder.here:
            session.step += 1
            event = self._event(optimizer)
            session.emit("step_end", event)
            session.first_step_done = True
            session.next_step(event.name)


def _is_left_out(optimizer: Optimizer, *, asleep: bool) -> bool:
    """A fused optimizer is called by the GradScaler even for a step that it is to leave out.

    In sleep nothing waits for an accelerator to tell.
    """
    found = getattr(optimizer, "found_inf", None)
    if found is None or (asleep and not found.is_cpu):
        return False
    return bool(found.tolist())


def _versions(optimizer: Optimizer) -> int:
    """Grows when a parameter is changed in place."""
    return sum(p._version for group in optimizer.param_groups for p in group["params"])


def _cleared(_result: Any, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening]:
    return "zero_grad", Happening(args[0], user_site())


def _norm(parameters: list[torch.Tensor]) -> torch.Tensor | None:
    """L2 norm of all gradients; None where there are none that can be added up."""
    gradients = [own_part(p.grad) for p in parameters if p.grad is not None and not p.grad.is_sparse]
    if not gradients or len({g.device for g in gradients}) > 1:
        return None
    norm: torch.Tensor = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g.float()) for g in gradients]))
    return norm


def tap_clipping(session: Session, patches: Patches) -> None:
    """Emit clip for clip_grad_norm_ and clip_grad_value_."""
    report = session.recorder.guard("clipping", lambda clip: session.emit("clip", clip))
    measure, share = session.recorder.guard("clipping", _norm), session.recorder.guard("clipping", own_share)

    def maker(kind: Literal["norm", "value"], limit_name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def make(original: Callable[..., Any]) -> Callable[..., Any]:
            def call(parameters: Any, *args: Any, **kwargs: Any) -> Any:
                if session.asleep or torch.compiler.is_compiling() or not session.recorder.here:
                    return original(parameters, *args, **kwargs)
                given = [parameters] if isinstance(parameters, torch.Tensor) else list(parameters)
                # PyTorch warns about an exhausted generator only if it is handed one.
                again = (p for p in given) if inspect.isgenerator(parameters) else parameters
                # Clipping by value does not tell what the norm was.
                before = measure(given) if kind == "value" else None
                result = original(again, *args, **kwargs)
                limit = kwargs.get(limit_name, args[0] if args else None)
                norm = share(result) if kind == "norm" else before
                report(Clip(kind, given, float(limit or 0.0), norm, user_site()))
                return result

            return call

        return make

    for kind, name, limit in (("norm", "clip_grad_norm_", "max_norm"), ("value", "clip_grad_value_", "clip_value")):
        make = maker(kind, limit)  # type: ignore[arg-type]
        for owner in (torch.nn.utils, torch.nn.utils.clip_grad):
            patches.wrap(owner, name, make, rests=True)


def tap_scaler(session: Session, patches: Patches) -> None:
    """Emit scaler for scale, unscale_, step and update of GradScaler; note the scale that losses carry."""

    def describe(kind: str) -> Describe:
        def event(_result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Happening] | None:
            scaler = args[0]
            if not scaler.is_enabled():
                return None
            if kind == "scale":
                session.options["loss_scale"] = float(scaler.get_scale())
                session.options["scaler"] = weakref.ref(scaler)
            optimizer = next((a for a in (*args[1:], *kwargs.values()) if isinstance(a, Optimizer)), None)
            return "scaler", Happening(scaler, user_site(), {"kind": kind, "optimizer": optimizer})

        return event

    for name, kind in (("scale", "scale"), ("unscale_", "unscale"), ("step", "step"), ("update", "update")):
        after(patches, session, torch.amp.GradScaler, name, describe(kind), rests=True)


def tap_schedulers(session: Session, patches: Patches) -> None:
    """Emit scheduler_created and scheduler_step (not for the step that construction itself takes)."""
    constructing = 0

    def count(original: Callable[..., Any]) -> Callable[..., Any]:
        def construct(*args: Any, **kwargs: Any) -> Any:
            nonlocal constructing
            constructing += 1
            try:
                return original(*args, **kwargs)
            finally:
                constructing -= 1
                if not constructing:
                    created(args[0], kwargs, args[1:])

        return construct

    def _created(scheduler: Any, kwargs: dict[str, Any], args: tuple[Any, ...]) -> None:
        if session.recorder.here:
            tap_loading(session, patches, type(scheduler))
            session.emit(
                "scheduler_created", Happening(scheduler, user_site(), {"arguments": kwargs, "positional": args})
            )

    created = session.recorder.guard("schedulers", _created)

    def stepped(_result: Any, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening] | None:
        if constructing:
            return None
        return "scheduler_step", Happening(args[0], None if session.asleep else user_site())

    classes = [
        c for c in vars(lr_scheduler).values() if isinstance(c, type) and issubclass(c, lr_scheduler.LRScheduler)
    ]
    for cls in dict.fromkeys(classes):
        if "__init__" in vars(cls):
            patches.wrap(cls, "__init__", count)
        if "step" in vars(cls):
            after(patches, session, cls, "step", stepped)


def tap_loaders(session: Session, patches: Patches) -> None:
    """Emit loader_iter for each pass over a DataLoader and loader_batch for each batch that it gives."""
    # A loader that is made in the head of a loop lives no longer than that: its iterator keeps it here. One with
    # persistent workers keeps its iterator itself, so that both would live for ever.
    kept: weakref.WeakKeyDictionary[Any, Callable[[], Any]] = weakref.WeakKeyDictionary()

    def started(result: Any, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening]:
        loader = args[0]
        kept[result] = weakref.ref(loader) if loader.persistent_workers else lambda: loader
        return "loader_iter", Happening(loader, user_site(), {"iterator": result})

    def given(result: Any, args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening] | None:
        reference = kept.get(args[0])
        loader = reference() if reference is not None else None
        return (
            None
            if loader is None
            else ("loader_batch", Happening(loader, None, {"batch": result, "index": args[0]._num_yielded}))
        )

    after(patches, session, DataLoader, "__iter__", started)
    after(patches, session, _BaseDataLoaderIter, "__next__", given, rests=True)


def tap_seeds(session: Session, patches: Patches) -> None:
    """Emit seed for the calls that seed PyTorch's, numpy's and Python's global generators."""
    for generator, owner, name in (
        ("torch", torch, "manual_seed"),
        ("numpy", np.random, "seed"),
        ("python", random, "seed"),
    ):
        details = {"generator": generator}
        after(patches, session, owner, name, lambda _r, _a, _k, d=details: ("seed", Happening(None, user_site(), d)))  # type: ignore[misc]


def tap_checkpoints(session: Session, patches: Patches) -> None:
    """Emit checkpoint for torch.save, torch.load and load_state_dict of models, optimizers and schedulers."""
    after(patches, session, torch, "save", lambda _r, a, _k: _checkpoint("save", None, a[0] if a else None))
    after(patches, session, torch, "load", lambda r, _a, _k: _checkpoint("load", None, r))
    after(patches, session, torch.nn.Module, "load_state_dict", _loaded)
    after(patches, session, Optimizer, "load_state_dict", _loaded)
    for cls in vars(lr_scheduler).values():
        if isinstance(cls, type) and issubclass(cls, lr_scheduler.LRScheduler):
            tap_loading(session, patches, cls)


def tap_loading(session: Session, patches: Patches, cls: type) -> None:
    """Emit checkpoint for load_state_dict of a class of schedulers: many have one of their own, the user's too."""
    running, tapped = session.options.setdefault("scheduler_loading", (set(), set()))
    for owner in cls.__mro__:
        own = issubclass(owner, lr_scheduler.LRScheduler) and "load_state_dict" in vars(owner)
        if own and owner not in tapped:
            tapped.add(owner)
            after(patches, session, owner, "load_state_dict", _loaded, running)


def _checkpoint(kind: str, subject: Any, content: Any, **details: Any) -> tuple[str, Happening]:
    return "checkpoint", Happening(subject, user_site(), {"kind": kind, "content": content, **details})


def _loaded(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Happening]:
    strict = kwargs.get("strict", args[2] if len(args) > 2 else True)
    missing = {
        "missing": list(getattr(result, "missing_keys", [])),
        "unexpected": list(getattr(result, "unexpected_keys", [])),
    }
    return _checkpoint("load_state_dict", args[0], args[1] if len(args) > 1 else None, strict=strict, **missing)


def tap_initialisation(session: Session, patches: Patches) -> None:
    """Emit initialised for each function of torch.nn.init that filled a tensor."""

    def filled(result: Any, _args: tuple[Any, ...], _kwargs: dict[str, Any]) -> tuple[str, Happening] | None:
        return ("initialised", Happening(result, user_site(), {})) if isinstance(result, torch.Tensor) else None

    for name in [n for n in vars(torch.nn.init) if n.endswith("_") and not n.startswith("_")]:
        after(patches, session, torch.nn.init, name, filled)
