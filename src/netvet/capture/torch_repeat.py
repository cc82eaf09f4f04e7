"""Repeat the stored step inside the user's script: its first step of that kind gets the stored inputs and weights."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import torch
import torch.nn.functional as functional
from torch import nn

from netvet.capture.site import Site, user_site
from netvet.capture.torch_box_file import Box, set_random_states
from netvet.capture.torch_box_values import Packed, tensor_names, unpack
from netvet.capture.torch_events import Session
from netvet.capture.torch_finite_trace import FiniteTrace
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_ops import Recording, StepRecorder
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_taps_model import LOSS_FUNCTIONS, phase_of
from netvet.capture.torch_tensors import tensors_in
from netvet.capture.torch_variables import restore_variables
from netvet.core import NetvetError

# Steps of other kinds (of a discriminator, of a first stage) that may come before the one that is looked for.
MAX_OTHER_STEPS = 200


class StepRepeated(BaseException):
    """The step is over: the script ends here. No `except Exception` of the script's catches it."""


class Repeat:
    """Waits for the first step that is like the stored one, and repeats the stored one in its place.

    Args:
        box: the stored step; its `calls` say what the step begins with.
        same_script: the script is what it was: its lines can be compared.

    Attributes:
        trace: what was seen of it; `losses`: the values at its backward calls.
        active: the step is going on; `done`: it has ended.
        error: the exception that ended it; `site`: the line that ran at the end;
            `failed`: why it cannot be repeated here.
        notes: what is not as it was.
    """

    def __init__(self, box: Box, session: Session, *, same_script: bool) -> None:
        self._box, self._session, self._same_script = box, session, same_script
        self._about = box.about
        self._calls, self._losses = box.about["calls"], box.about["losses"]
        self._call = self._loss = 0
        self._inside = self._in_loss = False
        self._main = threading.get_ident()
        self._models: set[str] = set()
        self.trace = FiniteTrace(session)
        self.losses: list[float] = []
        self.gradients: list[tuple[str, torch.Tensor]] = []
        self.final: torch.Tensor | None = None
        self.active = self.done = False
        self.error: BaseException | None = None
        self.failed: NetvetError | None = None
        self.site: Site | None = None
        self.notes: list[str] = []
        self.weights_not_finite: list[str] = []
        self.recordings: list[Recording] = []
        self._recorder = _LastRecording(session, self.recordings.append)
        self.finished: Callable[[Repeat], None] = lambda _: None

    part = "replay"

    def install(self, patches: Patches) -> None:
        """Stand in front of calls, losses, backward and saving; after the taps, which then see what is put in."""
        self._session.add(self)
        patches.wrap(nn.Module, "__call__", self._tap_call)
        for name in LOSS_FUNCTIONS:
            patches.wrap(functional, name, self._tap_loss)
        patches.wrap(torch.autograd, "backward", self._tap_backward)
        patches.wrap(torch.amp.GradScaler, "scale", self._tap_scale)
        patches.wrap(torch, "save", _tap_save)
        # Compiled code has no lines; the copies of layers that are looked at are the eager ones.
        patches.wrap(torch, "compile", lambda _: _not_compiled)
        patches.wrap(nn.Module, "compile", lambda _: lambda module, *_a, **_k: None)

    def on_step_begin(self, _event: Any) -> None:
        if self.active:
            self.notes.append("the optimizer stepped before as many backward calls as in the stored step")
            self._end()
        if self._session.step >= MAX_OTHER_STEPS:
            raise StepRepeated

    def _tap_call(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            session = self._session  # a call in the backward pass recomputes one of the forward
            elsewhere = threading.get_ident() != self._main or session.in_backward or not session.recorder.here
            if self._inside or self.done or elsewhere:
                return original(module, *args, **kwargs)
            self._inside = True
            try:
                args, kwargs = self._given(module, args, kwargs)
                return original(module, *args, **kwargs)
            except NetvetError as error:  # the script could catch it
                self.failed, self.done = error, True
                self.trace.stop()
                raise StepRepeated from None
            except Exception as error:
                if self.active:
                    self._end(error)
                raise
            finally:
                self._inside = False

        return call

    def _given(self, module: nn.Module, args: Any, kwargs: Any) -> tuple[Any, Any]:
        model = self._session.models.outermost(module)
        if next(model.parameters(), None) is None:
            return args, kwargs
        name = self._session.models.name(model)
        wanted = self._calls[self._call] if self._call < len(self._calls) else None
        if wanted is None or (not self.active and not self._is(wanted, name, module)):
            return args, kwargs
        if self.active and phase_of(module) not in ("train", "eval-mode-grad"):
            return args, kwargs
        if self.active and wanted["model"] != name:
            self.notes.append(f"call {self._call + 1} of the step is of {name}; stored is one of {wanted['model']}")
            return args, kwargs
        self._call += 1
        first, self.active = not self.active, True
        self._load_weights(name, model)
        if first:
            self._session.add(self._recorder)
            restore_variables(self._about["variables"], self._box.load)
        given, named = self._unpacked(wanted["args"], args), self._unpacked(wanted["kwargs"], kwargs)
        self._name_given(name, given, named)
        if first:
            self.trace.enter()
            set_random_states(self._box.tensors)
        return given, named

    def _is(self, wanted: dict[str, Any], name: str, module: nn.Module) -> bool:
        """The step begins with this call."""
        if name != wanted["model"] or phase_of(module) != wanted["phase"]:
            return False
        site = user_site(3)
        there: list[Any] | None = wanted["site"]
        if there is None or site is None or not self._same_script:
            return True
        return os.path.basename(str(there[0])) != os.path.basename(site.file) or bool(there[1] == site.line)

    def _unpacked(self, packed: Packed, own: Any) -> Any:
        return unpack(packed, own, self._box.load)

    def _name_given(self, model: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        for name, part in [*((f"argument {i}", a) for i, a in enumerate(args)), *kwargs.items()]:
            for tensor in tensors_in(part):
                self.trace.give(tensor, f"input of {model} ({name})")

    @torch.no_grad()
    def _load_weights(self, name: str, model: nn.Module) -> None:
        if name in self._models:
            return
        self._models.add(name)
        if self._about["weights_missing"]:
            return
        prefix = f"weight.{name}:"
        stored = {n.removeprefix(prefix): t for n, t in self._box.tensors.items() if n.startswith(prefix)}
        own: dict[str, torch.Tensor] = {plain_name(n): p for n, p in model.named_parameters()}
        own |= {f"{plain_name(n)}:buffer": b for n, b in model.named_buffers()}
        for key, tensor in stored.items():
            shown = key.removesuffix(":buffer")
            if key not in own:
                raise NetvetError(
                    f"{name} has no {shown} any more, which the stored step has; replay the script as it was"
                )
            if torch.nn.parameter.is_lazy(own[key]):
                own[key].materialize(tensor.shape)  # type: ignore[attr-defined]
            if own[key].shape != tensor.shape:
                raise NetvetError(
                    f"{shown} of {name} has the shape {list(own[key].shape)}, in the stored step {list(tensor.shape)}; "
                    "replay the script as it was, with the same arguments"
                )
            own[key].copy_(tensor)
            self.trace.give(own[key], f"weight {shown}")
            if (tensor.is_floating_point() or tensor.is_complex()) and not bool(torch.isfinite(tensor).all()):
                self.weights_not_finite.append(shown)
        missing = [n for n in own if n not in stored and not n.endswith(":buffer")]
        if missing:
            raise NetvetError(f"the stored step has no {missing[0]} of {name}; replay the script as it was")

    def _tap_loss(self, original: Callable[..., Any]) -> Callable[..., Any]:
        names = list(inspect.signature(original).parameters)

        def loss(*args: Any, **kwargs: Any) -> Any:
            if not self.active or self.done or self._in_loss or not torch.is_grad_enabled() or self._session.emitting:
                return original(*args, **kwargs)
            if not self._session.recorder.here or self._session.in_backward:
                return original(*args, **kwargs)
            self._in_loss = True
            try:
                bound = {**dict(zip(names, args, strict=False)), **kwargs}
                return original(**self._with_targets(original.__name__, bound))
            finally:
                self._in_loss = False

        return loss

    def _with_targets(self, function: str, bound: dict[str, Any]) -> dict[str, Any]:
        stored = self._losses[self._loss] if self._loss < len(self._losses) else None
        self._loss += 1
        if stored is None or stored["function"] != function:
            return bound
        for name, packed in stored["arguments"].items():
            own = bound.get(name)
            if isinstance(own, torch.Tensor) and not own.requires_grad and tensor_names(packed):
                bound[name] = self._unpacked(packed, own)
                self.trace.give(bound[name], f"{name} of {function}")
        return bound

    def _tap_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def backward(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if not self.active or self.done or self._session.in_backward:
                return original(tensors, *args, **kwargs)
            loss = tensors if isinstance(tensors, torch.Tensor) else next(iter(tensors), None)
            if loss is not None:
                self.final = loss
                self.losses.append(float(loss.detach()) if loss.numel() == 1 else float(loss.detach().float().mean()))
            self._recorder.forget()  # of several, the last is the one to look at
            self.trace.begin_backward()
            try:
                result = original(tensors, *args, **kwargs)
            except Exception as error:
                self._end(error)
            finally:
                self.trace.in_backward = False
            if self._complete():
                self._end()
            return result

        return backward

    def _complete(self) -> bool:
        """All that is stored of the step has been repeated."""
        return len(self.losses) >= len(self._about["backwards"])

    def _tap_scale(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def scale(scaler: Any, outputs: Any) -> Any:
            wanted = next((b["scale"] for b in self._about["backwards"]), 1.0)
            result = original(scaler, outputs)
            if not self.active or self.done or wanted == 1.0 or getattr(scaler, "_scale", None) is None:
                return result
            scaler._scale.fill_(wanted)  # the factor has grown and shrunk since the beginning
            return original(scaler, outputs)

        return scale

    def _end(self, error: BaseException | None = None) -> NoReturn:
        """The step is over."""
        self.close(error)
        raise StepRepeated from None

    def close(self, error: BaseException | None = None) -> None:
        """Stop watching and look at what was seen, while all of it is still there."""
        if self.done:
            return
        self.done, self.active = True, False
        self.error, self.site = error, user_site()
        self.trace.stop()
        self.gradients = [(name, p.grad) for name, p, _ in self._session.models.parameters() if p.grad is not None]
        self._recorder.on_finish("ok")
        self.finished(self)


class _LastRecording(StepRecorder):
    """Records the step up to one of its backward calls."""

    def forget(self) -> None:
        """The backward call that comes now is the one that counts."""
        self._seen.clear()
        self._pending.clear()


def _not_compiled(model: Any = None, *_args: Any, **_kwargs: Any) -> Any:
    return model if model is not None else lambda function: function


def _tap_save(original: Callable[..., Any]) -> Callable[..., Any]:
    """Files of the run that is repeated stay as they are."""

    def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> Any:
        return None if isinstance(f, (str, os.PathLike)) else original(obj, f, *args, **kwargs)

    return save
