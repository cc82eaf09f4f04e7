"""Taps at the loop: optimizers, clearing, clipping, scaling, schedules, loaders, seeds, checkpoints."""

from __future__ import annotations

import inspect
import random
import weakref
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import torch
from torch.optim import lr_scheduler
from torch.optim.optimizer import Optimizer

from netvet.capture.site import user_site
from netvet.capture.torch_events import Clip, Happening, Session
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_shards import own_part, own_share

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
    after(patches, session, torch.nn.Module, "load_state_dict", loaded)
    after(patches, session, Optimizer, "load_state_dict", loaded)
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
            after(patches, session, owner, "load_state_dict", loaded, running)


def _checkpoint(kind: str, subject: Any, content: Any, **details: Any) -> tuple[str, Happening]:
    return "checkpoint", Happening(subject, user_site(), {"kind": kind, "content": content, **details})


def loaded(result: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, Happening]:
    """The event of a `load_state_dict` that has returned."""
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
