"""What several probes need: the loss functions of a replayed step, eval mode on copies, module outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from netvet.capture.site import Site
from netvet.capture.torch_events import LossCall
from netvet.capture.torch_hand_losses import Apply, find_hand_losses
from netvet.capture.torch_models import plain_name
from netvet.capture.torch_ops import ModelCall, Operation
from netvet.capture.torch_order import place
from netvet.capture.torch_probes import ProbeContext
from netvet.capture.torch_replay import Replay, kept_buffers
from netvet.capture.torch_taps_model import LOSS_FUNCTIONS
from netvet.capture.torch_tensors import class_axis, is_plain, tensors_in

# Larger inputs of a loss are left alone: the probes evaluate it dozens of times.
MAX_ELEMENTS = 4_000_000
MAX_NODES = 20_000


@dataclass(slots=True)
class LossOperation:
    """A call of a loss function of torch.nn.functional in a recorded step, or a loss written by hand that equals one.

    Args:
        arguments: by name, defaults filled in.
        apply: what a loss written by hand gives for a prediction, a target and a reduction.
        sign: -1 where the script made the negative of this loss.
        inside: ids of the events of a loss written by hand, from the input to the output.
        within: it is called in a model's forward pass.
    """

    event: Operation
    function: str
    arguments: dict[str, Any]
    input: torch.Tensor
    target: torch.Tensor
    apply: Apply | None = None
    sign: int = 1
    inside: frozenset[int] = frozenset()
    line: Site | None = None
    within: bool = False

    @property
    def measured(self) -> float:
        """Its value in the recorded step; the mean where nothing is reduced."""
        return self.sign * float(self.event.output.detach().double().mean())

    @property
    def site(self) -> str:
        """As in the signal `losses`."""
        return str(self.line or self.event.site or "?")

    @property
    def place(self) -> dict[str, Any]:
        """The fields `file` and `line`."""
        return place(self.line or self.event.site)

    @property
    def class_axis(self) -> int | None:
        """The axis of the classes of its input."""
        call = LossCall(self.function, self.input, self.target, self.arguments, self.event.output, None, True)
        return class_axis(call)

    def __call__(self, prediction: torch.Tensor, target: torch.Tensor | None = None, **changes: Any) -> torch.Tensor:
        """The mean or sum that this call gives for another prediction."""
        given = {**self.arguments, **changes}
        if self.apply is not None:
            return self.apply(prediction, self.target.detach() if target is None else target, given["reduction"])
        given["input"] = prediction
        given["target"] = self.target.detach() if target is None else target
        output: torch.Tensor = self.event.function(**given)
        return output

    def value(self, prediction: torch.Tensor) -> float:
        """The same as a number; the mean where nothing is reduced."""
        with torch.no_grad():
            return float(self(prediction).double().mean())


def loss_operations(replay: Replay) -> list[LossOperation]:
    """The first call at each call site whose input comes from a model and whose target does not.

    Those inside a model's forward pass are among them.
    """
    moving: set[int] = set()
    found: dict[str, LossOperation] = {}
    for event in replay.events:
        if isinstance(event, Operation):
            operation = _loss_operation(event)
            if operation is not None and id(operation.input) in moving and id(operation.target) not in moving:
                found.setdefault(operation.site, operation)
        for inner in event.losses if isinstance(event, ModelCall) else ():
            operation = _loss_operation(inner)
            if operation is not None and operation.input.requires_grad:
                operation.within = True
                found.setdefault(operation.site, operation)
        moving.update(id(t) for t in tensors_in(event.output))
    for one in find_hand_losses(replay.events, replay.recording.loss):
        if isinstance(one.event, Operation):
            operation = LossOperation(
                one.event, one.function, {"reduction": one.reduction}, one.input, one.target, one.apply, one.sign,
                one.inside, one.site,
            )  # fmt: skip
            found.setdefault(operation.site, operation)
    return list(found.values())


def _loss_operation(event: Operation) -> LossOperation | None:
    name = getattr(event.function, "__name__", "")
    if name not in LOSS_FUNCTIONS or not isinstance(event.output, torch.Tensor):
        return None
    bound = inspect.signature(event.function).bind(*event.args, **event.kwargs)
    bound.apply_defaults()
    first, target = bound.arguments.get("input"), bound.arguments.get("target")
    if not is_plain(first) or not is_plain(target) or target.requires_grad or not first.is_floating_point():
        return None
    if not 0 < first.numel() <= MAX_ELEMENTS or not target.numel() or first.dim() == 0:
        return None
    return LossOperation(event, name, dict(bound.arguments), first, target)


def feeds_loss_once(context: ProbeContext, operation: LossOperation) -> bool:
    """Whether the loss given to backward uses the input of this call in this call only."""
    if operation.within:
        return _consumers(context.recording.loss, operation.input) == 1
    users = [
        e
        for e in context.replay.events
        if any(t is operation.input for t in tensors_in((getattr(e, "args", ()), getattr(e, "kwargs", {}))))
    ]
    if operation.inside:
        return all(id(e) in operation.inside for e in users)
    return users == [operation.event] or (len(users) == 1 and users[0] is operation.event)


def _consumers(loss: torch.Tensor, tensor: torch.Tensor) -> int:
    """How many nodes of the graph of a loss take this very tensor."""
    wanted, count = (tensor.grad_fn, tensor.output_nr), 0
    seen: set[Any] = set()
    queue = [loss.grad_fn]
    while queue and len(seen) < MAX_NODES:
        node = queue.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        count += sum(edge == wanted for edge in node.next_functions)
        queue += [following for following, _ in node.next_functions]
    return count


@contextmanager
def evaluating(call: ModelCall) -> Iterator[None]:
    """The copy in eval mode, without gradients; its buffers and modes are as before afterwards."""
    with kept_buffers([call.model]), torch.no_grad():
        call.model.eval()
        yield


def first_calls(context: ProbeContext) -> list[ModelCall]:
    """The first call of each model in the step, unless it is one of very many (a cell called per time step)."""
    firsts: dict[int, ModelCall] = {}
    for call in context.replay.calls:
        firsts.setdefault(id(call.original), call)
    return list(firsts.values())


def run_call(
    call: ModelCall, args: tuple[Any, ...], kwargs: Mapping[str, Any], state: torch.Tensor | None = None
) -> Any:
    """Call the copy, from the recorded state of the generator (or another)."""
    torch.set_rng_state(call.rng if state is None else state)
    with torch.autocast(*call.autocast) if call.autocast else nullcontext():
        return call.module(*args, **kwargs)


def float_outputs(output: Any) -> list[torch.Tensor]:
    """The outputs that can be compared."""
    return [t.detach() for t in tensors_in(output) if is_plain(t) and t.is_floating_point() and t.dim() and t.numel()]


@contextmanager
def module_outputs(model: nn.Module, see: Callable[[str, nn.Module, Any, Any], None]) -> Iterator[None]:
    """Temporary hooks on a copy: `see(name, module, inputs, output)` for each module, in the order of completion."""

    def hook(name: str) -> Callable[..., None]:
        def saw(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            see(name, module, (args, kwargs), output)

        return saw

    handles = [m.register_forward_hook(hook(plain_name(n)), with_kwargs=True) for n, m in model.named_modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
