"""A recorded training step as a small program of its own: it holds no tensor of the user's, and takes other batches."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils._pytree import tree_map_only

from netvet.capture.torch_copies import rebind, without_own_hooks
from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_patch import original
from netvet.capture.torch_replay import Replay
from netvet.capture.torch_tensors import is_plain, leaves, tensors_in

# What the step takes from outside is kept once; more than this is not.
MAX_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Place:
    """Stands for a tensor: `kind` and its number."""

    kind: str  # `parameter`, `given`, `made`
    number: int


@dataclass(frozen=True, slots=True)
class _Line:
    """One call: of the model's copy (`function` is the module) or of a PyTorch function."""

    function: Any
    args: Any
    kwargs: Any
    outputs: tuple[Place | None, ...]
    autocast: tuple[str, torch.dtype] | None


class Program:
    """The step of a replay, to be run with other batches and other weights.

    Attributes:
        model: the copy that it works on; `parameters` its parameters.
        given: what comes from outside (inputs, targets, masks), as it was in the recorded step.

    Raises:
        ValueError: the step uses several models, or too much from outside.
    """

    def __init__(self, replay: Replay) -> None:
        if len(replay.models) != 1:
            raise ValueError("the step uses several models")
        self.model: nn.Module = replay.models[0]
        self.parameters = list(self.model.parameters())
        self.given: list[torch.Tensor] = []
        self._scale = replay.recording.scale
        self._places: dict[int, Place] = {}
        for call in replay.calls:
            for number, parameter in enumerate(call.original.parameters()):
                self._places.setdefault(id(parameter), Place("parameter", number))
        self._made = 0
        self.lines = [self._line(event) for event in replay.events]
        self._loss = self._places[id(replay.recording.loss)]
        if sum(t.numel() * t.element_size() for t in self.given) > MAX_BYTES:
            raise ValueError("its batch is too large to keep")
        self.given = [t.detach().clone() for t in self.given]

    def _line(self, event: Any) -> _Line:
        args, kwargs = tree_map_only(torch.Tensor, self._take, (event.args, event.kwargs))
        outputs = tuple(self._make(leaf) for leaf in leaves(event.output))
        function = event.module if isinstance(event, ModelCall) else original(event.function)
        return _Line(function, args, kwargs, outputs, event.autocast)

    def _take(self, tensor: torch.Tensor) -> Place:
        known = self._places.get(id(tensor))
        if known is None:
            known = self._places[id(tensor)] = Place("given", len(self.given))
            self.given.append(tensor)
        return known

    def _make(self, leaf: Any) -> Place | None:
        if not isinstance(leaf, torch.Tensor):
            return None
        self._made += 1
        self._places[id(leaf)] = Place("made", self._made)
        return self._places[id(leaf)]

    def number_of(self, tensor: torch.Tensor) -> int | None:
        """Which of the given tensors this one is; to be asked while the recorded step is still there."""
        place = self._places.get(id(tensor))
        return place.number if place is not None and place.kind == "given" else None

    def forget(self) -> None:
        """The tensors of the recorded step are gone: their identities mean nothing any more."""
        self._places = {}

    def separate(self) -> Program:
        """This program on a copy of the model that nobody else changes."""
        self.forget()
        memo: dict[int, Any] = {}
        made = copy.deepcopy(self, memo)
        rebind(made.model, memo)
        without_own_hooks(made.model)
        return made

    def run(self, batch: Mapping[int, torch.Tensor]) -> torch.Tensor:
        """The loss for other given tensors (by number), with fresh random numbers."""
        return self.run_with_output(batch)[0]

    def run_with_output(self, batch: Mapping[int, torch.Tensor]) -> tuple[torch.Tensor, Any]:
        """The same, and what the last call of the model put out."""
        made: dict[int, torch.Tensor] = {}
        last: Any = None

        def value(place: Place) -> torch.Tensor:
            if place.kind == "parameter":
                return self.parameters[place.number]
            if place.kind == "given":
                return batch[place.number] if place.number in batch else self.given[place.number]
            return made[place.number]

        for line in self.lines:
            args, kwargs = tree_map_only(Place, value, (line.args, line.kwargs))
            with torch.autocast(*line.autocast) if line.autocast else nullcontext():
                output = line.function(*args, **kwargs)
            last = output if isinstance(line.function, nn.Module) else last
            for place, leaf in zip(line.outputs, leaves(output), strict=True):
                if place is not None:
                    made[place.number] = leaf
        loss = made[self._loss.number].sum()
        return (loss / self._scale if self._scale != 1.0 else loss), last


class Feed:
    """Finds the tensors of later steps that stand where those of the recorded step stood.

    Args:
        program: what is to be fed.
        seen: what the taps saw in the recorded step, in order, by a name that the same thing has in each step.
        size: samples of the recorded batch.

    Raises:
        ValueError: some part of the batch comes in a way that is not seen.
    """

    def __init__(self, program: Program, seen: Mapping[str, torch.Tensor], size: int | None) -> None:
        numbers = {name: program.number_of(tensor) for name, tensor in seen.items()}
        self.names = {name: number for name, number in numbers.items() if number is not None}
        self._shapes = {name: (seen[name].shape, seen[name].dtype) for name in self.names}
        fed = set(self.names.values())
        for number, tensor in enumerate(program.given):
            if number not in fed and size is not None and tensor.dim() and size > 1 and tensor.shape[0] % size == 0:
                raise ValueError("a part of the batch enters the loss in a way that is not followed")
        if not self.names:
            raise ValueError("nothing of the batch was found")

    def batch(self, seen: Mapping[str, torch.Tensor]) -> dict[int, torch.Tensor] | None:
        """The given tensors of one later step, as clones; None where it does not have the same form."""
        found = {}
        for name, number in self.names.items():
            tensor = seen.get(name)
            if tensor is None or not is_plain(tensor) or (tensor.shape, tensor.dtype) != self._shapes[name]:
                return None
            found[number] = tensor.detach().clone()
        return found


def named(prefix: str, values: Iterable[Any]) -> dict[str, torch.Tensor]:
    """The tensors among some values, by name."""
    return {f"{prefix}.{i}": t for i, t in enumerate(tensors_in(list(values)))}


def size_of(batch: Sequence[torch.Tensor]) -> int:
    """Bytes of some tensors."""
    return sum(t.numel() * t.element_size() for t in batch)
