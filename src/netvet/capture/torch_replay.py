"""Replay a recorded training step on copies: from the same state to the same loss, as often as wanted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map_only

from netvet.capture.torch_copies import shared_parameters
from netvet.capture.torch_ops import ModelCall, Operation, Recording
from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_taps_model import LOSS_FUNCTIONS
from netvet.capture.torch_tensors import leaves, tensors_in

# A replayed loss this close to the recorded one (relative) is the same: the kernels are deterministic on a CPU
# and differ in the last bits elsewhere.
TOLERANCE = 1e-5


class NotReplayable(Exception):
    """The step cannot be replayed; the message says why, for the user.

    Attributes:
        replay: the replay that runs, but gives another loss.
    """

    replay: Replay | None = None


@dataclass(slots=True)
class Replayed:
    """What came of one replay: the loss, and each recorded tensor's twin by the id of the recorded one."""

    loss: torch.Tensor
    twins: dict[int, torch.Tensor]


class Replay:
    """One recorded step that can be run again.

    Attributes:
        events: the model calls and operations that the loss depends on, in order.
        calls: the model calls among them; `module` and `model` in them are copies.
        models: the distinct copies.

    Raises:
        NotReplayable: the recording cannot be repeated to the same loss.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.events = _slice(recording)
        self.calls = [e for e in self.events if isinstance(e, ModelCall)]
        self.models = list({id(c.model): c.model for c in self.calls}.values())
        if not self.calls:
            raise NotReplayable("the loss does not come from a module that was called in training mode")
        self.relative_error = self._verify()

    def _verify(self) -> float:
        error = 0.0
        for grad in (False, True):  # twice: a model that keeps state between calls shows itself
            with torch.set_grad_enabled(grad):
                replayed = self.run().loss
            loss = float(replayed.detach())
            if grad and shared_parameters(replayed, self.models, [c.original for c in self.calls]):
                raise NotReplayable("a copy of the model still uses parameters of the model itself")
            wanted = self.recording.value
            same = loss == wanted or (loss != loss and wanted != wanted)
            error = max(error, 0.0 if same else abs(loss - wanted) / max(abs(wanted), 1e-12))
        if not error <= TOLERANCE:
            failed = NotReplayable(f"the replayed loss differs from the recorded one (relative difference {error:.1e})")
            failed.replay = self
            raise failed
        return error

    def run(self, replace: Mapping[int, torch.Tensor] | None = None) -> Replayed:
        """Repeat the step.

        Args:
            replace: id of a recorded tensor (an input, a target, an output) -> what to use in its place.

        The copies' buffers are as before afterwards; gradients are the caller's to clear.
        """
        twins: dict[int, torch.Tensor] = dict(replace or {})
        fixed = frozenset(twins)
        for call in self.calls:
            for mine, theirs in zip(call.model.parameters(), call.original.parameters(), strict=True):
                twins.setdefault(id(theirs), mine)
        with forked_rng(), kept_buffers(self.models):
            for event in self.events:
                _repeat(event, twins, fixed)
        loss = twins.get(id(self.recording.loss))
        if loss is None:
            raise NotReplayable("the loss was not made by PyTorch functions that were seen")
        return Replayed(loss / self.recording.scale if self.recording.scale != 1.0 else loss, twins)


@contextmanager
def kept_buffers(models: list[nn.Module]) -> Iterator[None]:
    """Let copies work on clones of their buffers; the buffers and training modes are as before on leaving.

    Clones, because a graph that was built inside may still be walked backward afterwards: it must find the very
    values that it saved.
    """
    modules = [sub for m in models for sub in m.modules()]
    modes = [(sub, sub.training) for sub in modules]
    kept = [(sub, dict(sub._buffers)) for sub in modules if sub._buffers]
    for sub, buffers in kept:
        sub._buffers.update({name: b.detach().clone() for name, b in buffers.items() if b is not None})
    try:
        yield
    finally:
        for sub, buffers in kept:
            sub._buffers.clear()
            sub._buffers.update(buffers)
        for sub, mode in modes:
            sub.training = mode


def _slice(recording: Recording) -> list[Operation | ModelCall]:
    """The events that the loss depends on."""
    needed = {id(recording.loss)}
    kept: list[Operation | ModelCall] = []
    for event in reversed(recording.events):
        if any(id(t) in needed for t in tensors_in(event.output)):
            kept.append(event)
            needed.update(id(t) for t in tensors_in((event.args, event.kwargs)))
    kept.reverse()
    return _from_first_call(kept, recording)


def _from_first_call(events: list[Operation | ModelCall], recording: Recording) -> list[Operation | ModelCall]:
    """Drop operations that neither come from a model's output nor from a parameter: their results stand."""
    moving = {id(p) for e in recording.events if isinstance(e, ModelCall) for p in e.original.parameters()}
    kept = []
    for event in events:
        if isinstance(event, ModelCall) or any(id(t) in moving for t in tensors_in((event.args, event.kwargs))):
            kept.append(event)
            moving.update(id(t) for t in tensors_in(event.output))
    return kept


class _Inner(TorchFunctionMode):
    """Inside a module call that is repeated: the loss functions take the given inputs, or give the given outputs."""

    def __init__(self, losses: list[Operation], twins: dict[int, torch.Tensor], fixed: frozenset[int]) -> None:
        super().__init__()
        self._waiting, self._twins, self._fixed = list(losses), twins, fixed

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") not in LOSS_FUNCTIONS or not self._waiting:
            return func(*args, **kwargs)
        recorded = self._waiting.pop(0)
        old, new = (list(tensors_in(given)) for given in ((recorded.args, recorded.kwargs), (args, kwargs)))
        if len(old) != len(new):
            raise NotReplayable("a call gave another structure when it was repeated")
        given = {id(mine): self._twins[id(o)] for o, mine in zip(old, new, strict=True) if id(o) in self._fixed}
        args, kwargs = tree_map_only(torch.Tensor, lambda t: given.get(id(t), t), (args, kwargs))
        if id(recorded.output) in self._fixed:
            return self._twins[id(recorded.output)]
        output = func(*args, **kwargs)
        if isinstance(recorded.output, torch.Tensor):
            self._twins[id(recorded.output)] = output
        return output


def _repeat(event: Operation | ModelCall, twins: dict[int, torch.Tensor], fixed: frozenset[int]) -> None:
    if fixed and all(id(t) in fixed for t in tensors_in(event.output)):
        return  # everything that it makes is given

    def twin(tensor: torch.Tensor) -> torch.Tensor:
        return twins.get(id(tensor), tensor)

    args, kwargs = tree_map_only(torch.Tensor, twin, (event.args, event.kwargs))
    if event.rng is not None:
        torch.set_rng_state(event.rng)
    context = torch.autocast(event.autocast[0], event.autocast[1]) if event.autocast else nullcontext()
    inner: AbstractContextManager[object] = nullcontext()
    if isinstance(event, ModelCall) and event.losses:
        inner = _Inner(event.losses, twins, fixed)
    with context, inner:
        output = event.module(*args, **kwargs) if isinstance(event, ModelCall) else event.function(*args, **kwargs)
    recorded, replayed = list(leaves(event.output)), list(leaves(output))
    if len(recorded) != len(replayed):
        raise NotReplayable("a call gave another structure when it was repeated")
    for old, new in zip(recorded, replayed, strict=True):
        if isinstance(old, torch.Tensor) and isinstance(new, torch.Tensor) and id(old) not in fixed:
            twins[id(old)] = new
