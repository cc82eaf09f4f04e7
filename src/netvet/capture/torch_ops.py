"""Record what a script does between its models and its loss, for the first steps only.

A TorchFunctionMode sees every PyTorch function with its arguments. From what it saw, together with the
outermost module calls, a training step can be replayed on copies (`torch_replay`), and every node of the
autograd graph can be traced to the user's line that made it.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from types import FrameType
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from netvet.capture.site import Site, _kind, user_site
from netvet.capture.torch_copies import separate_copy
from netvet.capture.torch_cuts import Cuts
from netvet.capture.torch_events import Backward, Call, Session, Step
from netvet.capture.torch_models import plain_name, unwrapped
from netvet.capture.torch_origins import called_by_user, origins_of
from netvet.capture.torch_own_targets import own_targets_of
from netvet.capture.torch_taps_model import LOSS_FUNCTIONS
from netvet.capture.torch_tensors import tensors_in

# Recording stops after so many optimizer steps, or after so many recorded operations.
RECORDED_STEPS = 3
MAX_EVENTS = 20_000
# Loss calls, and last operations, inside one module call that are kept.
MAX_INNER = 64
# Operations that draw from the global generator: its state is kept with them.
_RANDOM = (
    "dropout",
    "rand",
    "bernoulli",
    "multinomial",
    "normal",
    "gumbel",
    "rrelu",
    "uniform",
    "poisson",
    "exponential",
)


@dataclass(slots=True)
class Operation:
    """A PyTorch function that was called outside every module call."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any
    site: Site | None
    rng: torch.Tensor | None
    autocast: tuple[str, torch.dtype] | None


@dataclass(slots=True)
class ModelCall:
    """An outermost module call in training, with the copy on which it can be repeated.

    Args:
        module: the module on the copy.
        model: the copy of the whole model; `original` the user's own.
        losses: calls of loss functions inside it, in order.
        tail: the last operations inside it, whatever they are.
    """

    module: nn.Module
    model: nn.Module
    original: nn.Module
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Any
    site: Site | None
    rng: torch.Tensor
    autocast: tuple[str, torch.dtype] | None
    losses: list[Operation] = field(default_factory=list)
    tail: deque[Operation] = field(default_factory=lambda: deque(maxlen=MAX_INNER))


@dataclass(slots=True)
class Origin:
    """Where a node of the autograd graph was made.

    Args:
        site: the user's line that ran it; for a layer of PyTorch inside a container, the line that made the layer.
        created: the line that made the layer of PyTorch that ran it, if one did.
    """

    site: Site | None
    module: str | None
    function: str
    created: Site | None = None


@dataclass(slots=True)
class Recording:
    """The backward call at which a recorded step ends, and everything before it.

    Args:
        events: module calls and operations, in order.
        micro_batches: backward calls at this line until the step, each after a call on other inputs.
        loss: the tensor on which backward was called; `value` its value.
        origins: grad_fn -> where it was made.
    """

    backward: str
    site: Site | None
    loss: torch.Tensor
    value: float
    scale: float
    events: list[Operation | ModelCall]
    origins: dict[Any, Origin] = field(default_factory=dict)
    micro_batches: int = 1


def autocast_state() -> tuple[str, torch.dtype] | None:
    """Device type and dtype of the autocast region that is open, if any."""
    for device in ("cuda", "cpu"):
        if torch.is_autocast_enabled(device):
            return device, torch.get_autocast_dtype(device)
    return None


class StepRecorder:
    """Collects the recordings of the first steps and hands each to `on_recording` before the weights change."""

    part = "step recording"

    def __init__(self, session: Session, on_recording: Callable[[Recording], None]) -> None:
        self._session = session
        self._on_recording = on_recording
        session.options["step_recorder"] = self
        self._mode = _Mode(self)
        self._active = False
        self._stopped = self._paused = False
        self._moving: set[int] = set()
        # Node of the autograd graph -> the tensor that it made, of those that move.
        self._by_node: dict[Any, torch.Tensor] = {}
        self.events: list[Operation | ModelCall] = []
        self.origins: dict[Any, Origin] = {}
        self.cuts = Cuts(session)
        self._copies: dict[int, tuple[int, nn.Module, dict[int, nn.Module]]] = {}
        self._pending: list[Recording] = []
        self._seen: set[str] = set()
        self.calling = False
        self.reason: str | None = None

    @property
    def recording(self) -> bool:
        """Operations are being noted."""
        return self._active and not self._paused

    @property
    def moving(self) -> set[int]:
        """Ids of the tensors that came from a model's output or a parameter."""
        return self._moving

    def on_call_begin(self, event: Call) -> None:
        if not self._active:
            if self._stopped or event.phase != "train":
                return
            # Not earlier: a program may make its data with millions of small operations first.
            torch._C._push_on_torch_function_stack(self._mode)
            self._active = True
        if _is_compiled(event.model):
            # torch.compile would trace the mode itself, with graph breaks and recompilations.
            _leave(self._mode)
            self._paused = True
        self.calling = True
        if event.phase == "train" and self.reason is None:
            self._prepare(event)

    def _prepare(self, event: Call) -> None:
        try:
            copied, by_original = self._copy(event.model)
        except Exception as error:
            self.reason = f"{type(event.model).__name__} cannot be copied ({type(error).__name__}: {error})"
            return
        module = by_original.get(id(unwrapped(event.module)), copied)
        rng, autocast = torch.get_rng_state(), autocast_state()
        call = ModelCall(module, copied, event.model, event.args, event.kwargs, None, event.site, rng, autocast)
        self.events.append(call)

    def _copy(self, model: nn.Module) -> tuple[nn.Module, dict[int, nn.Module]]:
        """A copy of the model as it is now; the same one while its weights have not changed."""
        version = sum(p._version for p in model.parameters())
        known = self._copies.get(id(model))
        if known is None or known[0] != version:
            plain = unwrapped(model)
            copied = separate_copy(plain)
            pairs = {id(a): b for a, b in zip(plain.modules(), copied.modules(), strict=True)}
            known = self._copies[id(model)] = (version, copied, pairs)
        return known[1], known[2]

    def on_call_end(self, event: Call) -> None:
        self.calling = False
        if self._paused:
            torch._C._push_on_torch_function_stack(self._mode)
            self._paused = False
        if self._active and self.events and event.phase == "train" and isinstance(self.events[-1], ModelCall):
            self.events[-1].output = event.output
            self._moves_now(list(tensors_in(event.output)))

    def _moves_now(self, made: list[torch.Tensor]) -> None:
        self._moving.update(id(t) for t in made)
        self._by_node.update((node, t) for t in made if (node := _grad_fn(t)) is not None)

    def _note_other_classes(self, args: Any, kwargs: Any) -> None:
        """Note tensors that are known ones as another class: no mode hears of `as_subclass`."""
        for tensor in tensors_in((args, kwargs)):
            node = _grad_fn(tensor) if id(tensor) not in self._moving else None
            if node is None or node.name() != "AliasBackward0":
                continue
            source = self._by_node.get(node.next_functions[0][0])
            if source is not None:
                cast = partial(_as_class, type(tensor))
                self.events.append(Operation(cast, (source,), {}, tensor, None, None, autocast_state()))
                self._moves_now([tensor])

    def on_backward_begin(self, event: Backward) -> None:
        key = str(event.site)
        if self._active and key in self._seen:
            self._count_micro_batch(key)
        if not self._active or key in self._seen:
            return
        self._seen.add(key)
        value = float(event.loss.detach()) / event.scale if event.loss.numel() == 1 else float("nan")
        self._pending.append(
            Recording(key, event.site, event.loss, value, event.scale, list(self.events), self.origins)
        )

    def _count_micro_batch(self, key: str) -> None:
        for recording in self._pending:
            calls = [e for e in recording.events if isinstance(e, ModelCall)]
            last = next((e for e in reversed(self.events) if isinstance(e, ModelCall)), None)
            if recording.backward == key and calls and last is not None and last.original is calls[-1].original:
                old, new = next(tensors_in(calls[-1].args), None), next(tensors_in(last.args), None)
                if old is not None and new is not None and not (old.shape == new.shape and torch.equal(old, new)):
                    recording.micro_batches += 1

    def on_step_begin(self, _event: Step) -> None:
        pending, self._pending = self._pending, []
        for recording in pending:
            self._on_recording(recording)

    def on_step_end(self, _event: Step) -> None:
        if self._active and (self._session.step >= RECORDED_STEPS or len(self.events) > MAX_EVENTS):
            self.stop()

    def on_finish(self, _ended: str) -> None:
        for recording in self._pending:  # a script that never steps still gets its probes
            self._on_recording(recording)
        self.stop()

    def stop(self) -> None:
        """Leave the mode and let go of everything that was kept."""
        self._stopped = True
        if self._active:
            self._active = False
            _leave(self._mode)
        self.cuts.report()
        self.events, self.origins, self._pending, self._moving = [], {}, [], set()
        self._by_node.clear()
        self._copies.clear()
        own_targets_of(self._session).end()

    def record(
        self, function: Callable[..., Any], args: Any, kwargs: Any, output: Any, rng: torch.Tensor | None
    ) -> None:
        """Note one operation: its origin for the graph, and, outside module calls, itself."""
        session = self._session
        if session.in_backward or session.emitting or not session.recorder.here:
            return
        site = user_site(3)
        name = getattr(function, "__name__", str(function))
        module, created = None, None
        running = _running_module() if self.calling else None
        if running is not None:
            inner, frame = running
            module = self._path(inner)
            if not _is_users(type(inner).__module__):
                created = origins_of(session).modules.get(inner)
                if created is not None and called_by_user(frame) is None:
                    site = created
        made = list(tensors_in(output))
        self.cuts.note(name, module, site, made, (args, kwargs), inside=self.calling)
        for tensor in made:
            node = _grad_fn(tensor)
            if node is not None:
                self.origins[node] = Origin(site, module, name, created)
        if not self.calling:
            self._note_other_classes(args, kwargs)
        own = own_targets_of(session)
        own.note(name, args, kwargs, made)
        call = self.events[-1] if made and self.calling and self.events else None
        if isinstance(call, ModelCall) and call.output is None:
            done = Operation(function, args, kwargs, output, site, None, autocast_state())
            call.tail.append(done)
            compared = kwargs.get("target", args[1] if len(args) > 1 else None)
            if name in LOSS_FUNCTIONS and len(call.losses) < MAX_INNER and not own.has(compared):
                call.losses.append(done)
        if made and not self.calling and len(self.events) <= MAX_EVENTS and self._moves(args, kwargs):
            self._moves_now(made)
            self.events.append(Operation(function, args, kwargs, output, site, rng, autocast_state()))

    def _moves(self, args: Any, kwargs: Any) -> bool:
        """Whether an operation works on a parameter or on what came from a model."""
        return any(t.requires_grad or id(t) in self._moving for t in tensors_in((args, kwargs)))

    def _path(self, module: nn.Module) -> str:
        model = self._session.models.outermost(module)
        paths = self._session.options.setdefault("module_paths", {})
        if id(model) not in paths:
            prefix = self._session.models.prefix(model)
            paths[id(model)] = {id(m): prefix + plain_name(n) for n, m in model.named_modules()}
        found: str = paths[id(model)].get(id(module), "") or type(module).__name__
        return found


def _running_module() -> tuple[nn.Module, FrameType] | None:
    """The innermost module whose forward is on the stack, and the frame of its call."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if frame.f_code.co_name == "_call_impl":
            inner = frame.f_locals.get("self")
            return (inner, frame) if isinstance(inner, nn.Module) else None
        frame = frame.f_back
    return None


@lru_cache(maxsize=1_000)
def _is_users(module: str) -> bool:
    return _kind(getattr(sys.modules.get(module), "__file__", None) or "user") == 0


def _as_class(cls: type[torch.Tensor], tensor: torch.Tensor) -> torch.Tensor:
    return torch._C.TensorBase.as_subclass(tensor, cls)


def _grad_fn(tensor: torch.Tensor) -> Any:
    try:
        return tensor.grad_fn
    except RuntimeError:  # a view made under no_grad whose base was changed in place has none to give
        return None


class _Mode(TorchFunctionMode):
    """Lets every function run as it would, then tells the recorder."""

    def __init__(self, recorder: StepRecorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        recorder = self._recorder
        rng = None
        name = getattr(func, "__name__", "")
        if not recorder.calling and any(word in name for word in _RANDOM):
            rng = torch.get_rng_state()
        output = func(*args, **kwargs)
        recorder._session.recorder.guard(recorder.part, recorder.record)(func, args, kwargs, output, rng)
        return output


def _is_compiled(model: nn.Module) -> bool:
    """Any part of the model runs through torch.compile."""
    return any(hasattr(m, "_orig_mod") or getattr(m, "_compiled_call_impl", None) is not None for m in model.modules())


def _leave(mode: TorchFunctionMode) -> None:
    """Take one mode off the stack wherever it stands; the user may have entered others above it."""
    above = []
    while torch._C._len_torch_function_stack() > 0:
        top = torch._C._pop_torch_function_stack()
        if top is mode:
            break
        above.append(top)
    for other in reversed(above):
        torch._C._push_on_torch_function_stack(other)
