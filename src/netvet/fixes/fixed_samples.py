"""Some training samples as the program gave them to its model, to be scored again when it is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from netvet.capture.torch_events import Call, LossCall
from netvet.capture.torch_tensors import is_plain, tensors_in
from netvet.fixes.tally import Tally

# The standard error of an accuracy is below 1.6 % with so many; and no more memory than this.
MAX_SAMPLES, MAX_BYTES = 1_024, 64 * 2**20
MAX_CALLS = 8
# Between the model's output and the loss function: what programs apply outside of their models.
BETWEEN: tuple[Callable[[torch.Tensor], torch.Tensor], ...] = (
    lambda t: t,
    lambda t: t.log_softmax(-1),
    lambda t: t.softmax(-1),
    torch.sigmoid,
    torch.tanh,
    lambda t: t.softmax(-1).log(),
)


@dataclass(eq=False)
class _Batch:
    """One batch: what the model is called with, and what makes the loss's input of its output."""

    module: nn.Module
    args: Any
    kwargs: Any
    output: int
    derive: Callable[[torch.Tensor], torch.Tensor]
    function: str
    target: torch.Tensor
    arguments: dict[str, Any]


class FixedSamples:
    """The first training batches, up to a number of samples.

    Attributes:
        batches: what is kept; empty where no loss takes an output of the model as it is, or through one function.
    """

    def __init__(self) -> None:
        self.batches: list[_Batch] = []
        self._calls: list[tuple[Call, list[torch.Tensor]]] = []
        self._samples = self._bytes = 0
        self._site: str | None = None

    @property
    def _full(self) -> bool:
        return self._samples >= MAX_SAMPLES or self._bytes >= MAX_BYTES

    def called(self, event: Call) -> None:
        """The model was called in training."""
        if not self._full and len(self._calls) < MAX_CALLS:
            self._calls.append((event, [t for t in tensors_in(event.output) if is_plain(t)]))

    def loss(self, event: LossCall) -> None:
        """A loss was computed in training; only those of one place are kept."""
        site = str(event.site)
        if self._full or not self._calls or self._site not in (None, site) or not is_plain(event.target):
            return
        found = self._origin(event)
        if found is None:
            return
        call, output, derive = found
        args, kwargs = tree_map_only(torch.Tensor, _own, (call.args, call.kwargs))
        arguments = {k: v for k, v in event.arguments.items() if k not in ("input", "target")}
        self._site = site
        self.batches.append(
            _Batch(call.module, args, kwargs, output, derive, event.function, _own(event.target), arguments)
        )
        self._samples += int(event.target.shape[0]) if event.target.dim() else 1
        self._bytes += sum(t.numel() * t.element_size() for t in tensors_in((args, kwargs)))

    def _origin(self, event: LossCall) -> tuple[Call, int, Callable[[torch.Tensor], torch.Tensor]] | None:
        for call, outputs in reversed(self._calls):
            for number, output in enumerate(outputs):
                derive = _derivation(output, event.input)
                if derive is not None:
                    return call, number, derive
        return None

    def forget(self) -> None:
        """A step has ended: let go of its tensors."""
        self._calls.clear()

    def scored(self) -> Tally | None:
        """The model as it is now, in evaluation mode, on the kept samples; None where it cannot be called."""
        tally = Tally()
        modules = {id(b.module): b.module for b in self.batches}.values()
        modes = {m: m.training for module in modules for m in module.modules()}
        try:
            for module in modules:
                module.eval()
            with torch.no_grad():
                for batch in self.batches:
                    outputs = [t for t in tensors_in(batch.module(*batch.args, **batch.kwargs)) if is_plain(t)]
                    given = batch.derive(outputs[batch.output])
                    tally.add(batch.function, given, batch.target, None, batch.arguments)
        except Exception:  # whatever a model of somebody else's raises when it is called out of its loop
            return None
        finally:
            for module, mode in modes.items():
                module.training = mode
        return tally if tally.samples else None


def _own(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone()


def _derivation(output: torch.Tensor, given: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor] | None:
    """What makes the loss's input of the model's output; None where that is not known."""
    if given.untyped_storage().data_ptr() == output.untyped_storage().data_ptr():
        shape, stride, layout = given.shape, given.stride(), (output.shape, output.stride())
        offset = given.storage_offset() - output.storage_offset()

        def view(made: torch.Tensor) -> torch.Tensor:
            if (made.shape, made.stride()) != layout:
                raise ValueError("the output has another form")
            return made.as_strided(shape, stride, made.storage_offset() + offset)

        return view
    if given.numel() != output.numel() or not output.is_floating_point():
        return None
    a, b, form = output.detach(), given.detach(), given.shape
    for function in BETWEEN:
        made = function(a).reshape(form)
        if torch.allclose(made, b.to(made.dtype), rtol=1e-4, atol=1e-6):
            return lambda t, function=function: function(t).reshape(form)  # type: ignore[misc]
    return None
