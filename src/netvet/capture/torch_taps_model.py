"""Taps at the model: outermost module calls, loss functions, backward."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as functional
from torch import nn

from netvet.capture.site import user_site
from netvet.capture.torch_events import Backward, Call, LossCall, Phase, Session
from netvet.capture.torch_own_targets import own_targets_of
from netvet.capture.torch_patch import Patches

LOSS_FUNCTIONS = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
    "smooth_l1_loss", "huber_loss", "kl_div", "gaussian_nll_loss", "poisson_nll_loss", "soft_margin_loss",
    "multilabel_soft_margin_loss", "multi_margin_loss", "hinge_embedding_loss",
)  # fmt: skip


def _skip(session: Session) -> bool:
    # Inside torch.compile's tracing everything must look untouched; other threads and replayed forwards
    # (activation checkpointing) are not calls that the user wrote.
    return session.asleep or torch.compiler.is_compiling() or session.in_backward or not session.recorder.here


def phase_of(module: nn.Module) -> Phase:
    """Which of the four combinations of training mode and gradient mode holds now."""
    if torch.is_grad_enabled():
        return "train" if module.training else "eval-mode-grad"
    return "train-mode-no-grad" if module.training else "eval"


def tap_module_calls(session: Session, patches: Patches) -> None:
    """Emit call_begin and call_end for every module call that is inside no other."""
    main = threading.get_ident()
    inside = False

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            if session.forbidden and id(module) in session.forbidden:
                raise RuntimeError(f"a copy of the model calls the {type(module).__name__} of the model itself")
            if inside or threading.get_ident() != main or _skip(session):
                return original(module, *args, **kwargs)
            event = session.recorder.guard("module calls", _begin_call)(session, module, args, kwargs)
            if event is None:
                return original(module, *args, **kwargs)
            session.emit("call_begin", event)
            inside = True
            try:
                event.output = original(module, *args, **kwargs)
            except BaseException:
                session.emit("call_failed", event)
                raise
            finally:
                inside = False
            session.emit("call_end", event)
            return event.output

        return call

    patches.wrap(nn.Module, "__call__", make, rests=True)


def _begin_call(session: Session, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
    model = session.models.outermost(module)
    if next(model.parameters(), None) is None:
        return None  # a loss or metric module
    session.models.name(model)
    session.evaluated = session.evaluated or not torch.is_grad_enabled() or not model.training
    return Call(module, model, args, kwargs, phase_of(model), user_site(2))


def tap_losses(session: Session, patches: Patches) -> None:
    """Emit loss for every call of a loss function; a loss inside a loss is not seen twice."""
    inside = False

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        # Python's own way to bind arguments takes longer than a small loss itself.
        defaults = {p.name: p.default for p in inspect.signature(original).parameters.values()}
        describe = session.recorder.guard("loss functions", _loss_call)
        compare = session.recorder.guard("targets of the model's own", own_targets_of(session).of)

        def loss(*args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            if inside or _skip(session):
                return original(*args, **kwargs)
            inside = True
            try:
                output = original(*args, **kwargs)
            except (IndexError, RuntimeError, ValueError):
                event = describe(original.__name__, defaults, args, kwargs, None)
                if event is not None:
                    session.emit("failed_loss", event)
                raise
            finally:
                inside = False
            event = describe(original.__name__, defaults, args, kwargs, output)
            if event is not None:
                event.own_target = compare(event) is True
                session.emit("loss", event)
            return output

        return loss

    for name in LOSS_FUNCTIONS:
        patches.wrap(functional, name, make, rests=True)


def _loss_call(name: str, defaults: dict[str, Any], args: Any, kwargs: Any, output: Any) -> LossCall | None:
    arguments = {**defaults, **dict(zip(defaults, args, strict=False)), **kwargs}
    tensors = list(arguments.values())[:2]
    made = tensors[0] if output is None else output  # a call that failed has made nothing
    if not all(isinstance(t, torch.Tensor) for t in (*tensors, made)):
        return None
    return LossCall(name, tensors[0], tensors[1], arguments, made, user_site(2), torch.is_grad_enabled())


def tap_backward(session: Session, patches: Patches) -> None:
    """Emit backward_begin and backward_end; Tensor.backward calls the same function."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if session.asleep:
                coming = session.plain.leave()
                session.always_on.loss(tensors)  # one that is no number wakes the collectors
                if session.asleep:
                    session.plain.begin(coming)
                    return original(tensors, *args, **kwargs)
            if _skip(session):
                return original(tensors, *args, **kwargs)
            loss = tensors if isinstance(tensors, torch.Tensor) else next(iter(tensors), None)
            if loss is None:
                return original(tensors, *args, **kwargs)
            event = Backward(loss, user_site(), float(session.options.get("loss_scale", 1.0)))
            session.emit("backward_begin", event)
            session.in_backward = True
            try:
                return original(tensors, *args, **kwargs)
            except BaseException as error:
                event.error = error
                raise
            finally:
                session.in_backward = False
                session.emit("backward_end", event)
                event.error = None

        return session.plain.backward(original, backward)

    patches.wrap(torch.autograd, "backward", make)
