"""Scores of evaluations by the targets in the loader's own batches, whatever the program does with the outputs.

Training shows which part of a batch the loss compares with which output of the model. An evaluation that draws batches
of the same form is scored by the same parts, so that no function of its own that makes the score has to be known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from netvet.capture.torch_events import Call, Happening, LossCall
from netvet.capture.torch_tensors import CLASS_LOSSES, is_plain, named_tensors, tensors_in
from netvet.fixes.fixed_samples import BETWEEN, MAX_CALLS
from netvet.fixes.tally import Tally

# Losses that are followed, and training batches on which each is checked: chance agrees with few.
MAX_LOSSES, CHECKED = 8, 12
# What PyTorch leaves out by default.
IGNORED = -100
# What programs cut out of a tensor of samples before they compare: a shift by one, the last step, time first.
_CUTS: tuple[tuple[int, Callable[[torch.Tensor], torch.Tensor]], ...] = (
    (0, lambda t: t),
    (2, lambda t: t[:, :-1]),
    (2, lambda t: t[:, 1:]),
    (2, lambda t: t[:, -1]),
    (2, lambda t: t[:, 0]),
    (2, lambda t: t.transpose(0, 1)),
)
# Settings of losses that hold for every batch.
_SETTINGS = ("weight", "label_smoothing", "pos_weight", "beta", "delta", "log_input", "p", "margin")


@dataclass(frozen=True)
class _Given:
    """How the loss's input is made of the model's output; `axis` of the classes, None without classes."""

    number: int
    cut: int
    axis: int | None
    between: int

    def of(self, outputs: list[torch.Tensor]) -> torch.Tensor:
        made = _flat(_cut(outputs[self.number], self.cut), self.axis)
        return BETWEEN[self.between](made if made.dtype is torch.float64 else made.float())


@dataclass(frozen=True)
class _Wanted:
    """How the loss's target is made of a part of the batch: `plus` a number, or as rows of so many `classes`."""

    leaf: str
    cut: int
    plus: int = 0
    classes: int = 0

    def of(self, parts: Mapping[str, torch.Tensor]) -> torch.Tensor:
        made = _cut(parts[self.leaf], self.cut).reshape(-1)
        if self.classes:
            return nn.functional.one_hot(made.long(), self.classes)
        return made + self.plus if self.plus else made


@dataclass(eq=False)
class _Reading:
    """One loss of the training."""

    kind: type
    function: str
    settings: dict[str, Any]
    given: _Given
    wanted: list[_Wanted]
    # Argument of the model and part of the batch that it is; None where the program changes all parts on the way.
    fed: tuple[str, str, int] | None
    checked: int = 1


@dataclass(eq=False)
class BatchScores:
    """The scores of one pass by the targets of its batches.

    Attributes:
        sure: each batch was read as in training; `repeated`: the model was called several times on one.
    """

    tallies: dict[str, Tally] = field(default_factory=dict)
    sure: bool = True
    repeated: bool = False
    seen: set[tuple[str, int]] = field(default_factory=set)

    def found(self) -> list[Tally]:
        """In the order of the losses; empty where one batch could not be read."""
        return list(self.tallies.values()) if self.sure else []


class BatchTargets:
    """Learns in training where the targets stand, and scores evaluation calls by them."""

    def __init__(self) -> None:
        self._readings: dict[str, _Reading | None] = {}
        self._parts: dict[str, torch.Tensor] = {}
        self._calls: list[tuple[Call, list[torch.Tensor]]] = []
        self._drawn = self._after = 0
        # Calls of each loss on this batch: one line may compare several outputs.
        self._heard: Counter[str] = Counter()

    def drawn(self, event: Happening) -> None:
        """A loader has given a batch."""
        self.forget()
        self._drawn += 1
        self._parts = {n: t for n, t in named_tensors((event.details["batch"],), {}) if is_plain(t) and t.dim()}

    def forget(self) -> None:
        """Let go of the batch."""
        self._parts, self._after = {}, 0
        self._calls.clear()
        self._heard.clear()

    def called(self, event: Call) -> None:
        """The model was called in training."""
        if self._parts and len(self._calls) < MAX_CALLS:
            self._calls.append((event, _outputs(event)))

    def loss(self, event: LossCall) -> None:
        """A loss was computed in training."""
        if not self._calls or not (is_plain(event.input) and is_plain(event.target)):
            return
        line = f"{event.site} {event.function}"
        self._heard[line] += 1
        key = f"{line} {self._heard[line]}"
        if key not in self._readings:
            if len(self._readings) < MAX_LOSSES and bool(event.input.isfinite().all()):
                self._readings[key] = self._read(event)
            return
        known = self._readings[key]
        if known is not None and known.checked < CHECKED and bool(event.input.isfinite().all()):
            self._readings[key] = self._check(known, event)

    def _read(self, event: LossCall) -> _Reading | None:
        form = _form(event)
        if form is None:
            return None
        given, target = form
        wanted = list(_wanted(self._parts, target, given))
        if not wanted:
            return None
        for call, outputs in reversed(self._calls):
            way = _given(outputs, given, event.function in CLASS_LOSSES)
            if way is not None:
                settings = {k: event.arguments[k] for k in _SETTINGS if event.arguments.get(k) is not None}
                settings["ignore_index"] = event.arguments.get("ignore_index", IGNORED)
                return _Reading(_kind(call), event.function, settings, way, wanted, self._fed(call))
        return None

    def _check(self, known: _Reading, event: LossCall) -> _Reading | None:
        """The reading with what a further batch has left of it."""
        form = _form(event)
        if form is None:
            return None
        known.checked += 1
        known.wanted = [w for w in known.wanted if w.leaf in self._parts and _same(_made(w, self._parts), form[1])]
        for call, outputs in reversed(self._calls):
            if _kind(call) is known.kind and _given_is(known.given, outputs, form[0]):
                if known.fed is not None and not self._is_fed(known.fed, call):
                    known.fed = self._fed(call)
                return known if known.wanted else None
        return None

    def _fed(self, call: Call) -> tuple[str, str, int] | None:
        for name, tensor in named_tensors(call.args, call.kwargs):
            for leaf in self._parts:
                for cut in range(len(_CUTS)):
                    if self._is_fed((name, leaf, cut), call, tensor):
                        return name, leaf, cut
        return None

    def _is_fed(self, fed: tuple[str, str, int], call: Call, tensor: torch.Tensor | None = None) -> bool:
        if tensor is None:
            tensor = dict(named_tensors(call.args, call.kwargs)).get(fed[0])
        part = self._parts.get(fed[1])
        if part is None or not is_plain(tensor) or part.dim() < _CUTS[fed[2]][0]:
            return False
        return _same(_cut(part, fed[2]).reshape(-1), tensor.reshape(-1))

    def evaluated(self, event: Call, scores: BatchScores) -> bool:
        """The model was called in an evaluation: count what it gave. Whether this batch could be read."""
        if not self._parts or not scores.sure:
            return False
        mine = {k: r for k, r in self._readings.items() if r is not None and r.kind is _kind(event)}
        self._after += 1
        counted = False
        for key, reading in mine.items():
            if (key, self._drawn) in scores.seen:
                scores.repeated = True
                continue
            # An input that the program has changed on the way shows nothing: the first call on a batch is its own.
            fits = self._is_fed(reading.fed, event) if reading.fed is not None else self._after == 1
            if not fits or not self._count(reading, event, scores.tallies.setdefault(key, Tally())):
                scores.sure = False
                return False
            scores.seen.add((key, self._drawn))
            counted = True
        return counted

    def _count(self, reading: _Reading, event: Call, tally: Tally) -> bool:
        outputs = _outputs(event)
        wanted = [_made(w, self._parts) for w in reading.wanted if w.leaf in self._parts]
        target = wanted[0] if wanted else None
        if target is None or any(not _same(w, target) for w in wanted[1:]) or len(outputs) <= reading.given.number:
            return False
        output = outputs[reading.given.number]
        if output.dim() < _CUTS[reading.given.cut][0] or (reading.given.axis or 0) >= output.dim():
            return False
        given = reading.given.of(outputs)
        target = target.to(given.device)
        if reading.function in CLASS_LOSSES and len(target) == len(given):
            keep = (target != reading.settings["ignore_index"]) & (target >= 0) & ~self._padded(reading, event)
            given, target = given[keep], target[keep].long()
        elif target.numel() == given.numel():
            rows = len(given) if given.dim() > 1 else output.shape[0]
            given, target = given.reshape(rows, -1), target.reshape(rows, -1).to(given.dtype)
        else:
            return False
        if given.numel():
            tally.add(reading.function, given, target, _value(reading, given, target), reading.settings)
        return True

    def _padded(self, reading: _Reading, event: Call) -> torch.Tensor:
        """Positions at which the model reads padding, where each has a target: what stands there is no sample."""
        none = torch.zeros((), dtype=torch.bool)
        tensor = dict(named_tensors(event.args, event.kwargs)).get(reading.fed[0]) if reading.fed is not None else None
        tables = [m for m in event.model.modules() if isinstance(m, nn.Embedding) and m.padding_idx is not None]
        if tensor is None or tensor.is_floating_point() or tensor.dim() < 2 or len(tables) != 1:
            return none
        output, cut = _outputs(event)[reading.given.number], reading.given.cut
        if output.shape[:2] != tensor.shape or output.dim() != 3 or reading.given.axis not in (None, -1):
            return none
        return _cut(tensor.eq(float(tables[0].padding_idx or 0)), cut).reshape(-1).to(output.device)


def _outputs(event: Call) -> list[torch.Tensor]:
    return [t.detach() for t in tensors_in(event.output) if is_plain(t) and t.is_floating_point()]


def _kind(event: Call) -> type:
    """The class of what was called, without what is wrapped around it (averaged weights, several devices)."""
    inner = getattr(event.module, "module", event.module)
    return type(inner if isinstance(inner, nn.Module) else event.module)


def _cut(tensor: torch.Tensor, number: int) -> torch.Tensor:
    return _CUTS[number][1](tensor)


def _flat(tensor: torch.Tensor, axis: int | None) -> torch.Tensor:
    """One after the other; of scores one row for each thing to be classified."""
    return tensor.reshape(-1) if axis is None else tensor.movedim(axis, -1).reshape(-1, tensor.shape[axis])


def _form(event: LossCall) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Input and target of a loss, flat: [things, classes] and [things] (or like the input), or both [values]."""
    given, target = event.input.detach(), event.target.detach()
    if not given.dim() or not given.numel():
        return None
    if event.function in CLASS_LOSSES:
        axis = 1 if given.dim() > 1 else 0
        spread = target.shape == given.shape and target.is_floating_point()
        flat, wanted = _flat(given, axis), _flat(target, axis) if spread else target.reshape(-1)
        return (flat, wanted.reshape(-1)) if len(flat) == len(wanted) and given.shape[axis] > 1 else None
    return (given.reshape(-1), target.reshape(-1)) if given.numel() == target.numel() else None


def _given(outputs: list[torch.Tensor], wanted: torch.Tensor, classes: bool) -> _Given | None:
    for number, output in enumerate(outputs):
        for cut, (dims, _) in enumerate(_CUTS):
            if output.dim() < dims or (cut and output.dim() < 2):
                continue
            part = _cut(output, cut)
            for axis in _axes(part, wanted) if classes else (None,):
                for between in range(len(BETWEEN)):
                    way = _Given(number, cut, axis, between)
                    if part.numel() == wanted.numel() and _given_is(way, outputs, wanted):
                        return way
    return None


def _axes(part: torch.Tensor, wanted: torch.Tensor) -> Iterator[int]:
    """Axes that may be that of the classes, the last (as -1) first."""
    if part.dim() and part.shape[-1] == wanted.shape[1]:
        yield -1
    yield from (a for a in range(part.dim() - 1) if part.shape[a] == wanted.shape[1])


def _given_is(way: _Given, outputs: list[torch.Tensor], wanted: torch.Tensor) -> bool:
    output = outputs[way.number] if way.number < len(outputs) else None
    if output is None or output.dim() < _CUTS[way.cut][0]:
        return False
    made = way.of(outputs)
    return made.shape == wanted.shape and torch.allclose(made, wanted.to(made.dtype), rtol=1e-4, atol=1e-6)


def _wanted(parts: Mapping[str, torch.Tensor], target: torch.Tensor, given: torch.Tensor) -> Iterator[_Wanted]:
    """All that make this target of these parts."""
    count, classes = target.numel(), given.shape[1] if given.dim() == 2 else 0
    for leaf, part in parts.items():
        for cut, (dims, _) in enumerate(_CUTS):
            if part.dim() < dims or not (made := _cut(part, cut)).numel():
                continue
            whole = not part.is_floating_point() and not part.is_complex()
            if made.numel() == count:
                off = int(target[0]) - int(made.reshape(-1)[0]) if whole and _integral(target[:1]) else 0
                choices = [_Wanted(leaf, cut), *([_Wanted(leaf, cut, plus=off)] if off else [])]
            elif whole and count % made.numel() == 0 and count // made.numel() > 1:
                size = count // made.numel()
                choices = [_Wanted(leaf, cut, classes=size)] if not classes or size == classes else []
            else:
                continue
            yield from (one for one in choices if _same(_made(one, parts), target))


def _integral(values: torch.Tensor) -> bool:
    return bool((values.isfinite() & (values == values.round())).all()) if values.is_floating_point() else True


def _made(wanted: _Wanted, parts: Mapping[str, torch.Tensor]) -> torch.Tensor | None:
    """Flat; None where these parts do not give it."""
    part = parts[wanted.leaf]
    if part.dim() < _CUTS[wanted.cut][0]:
        return None
    if wanted.classes:
        labels = _cut(part, wanted.cut)
        if not labels.numel() or int(labels.min()) < 0 or int(labels.max()) >= wanted.classes:
            return None
    return wanted.of(parts).reshape(-1)


def _same(one: torch.Tensor | None, other: torch.Tensor) -> bool:
    """Equal values, whatever their types."""
    if one is None or one.numel() != other.numel():
        return False
    if one.data_ptr() == other.data_ptr() and one.dtype == other.dtype and one.stride() == other.stride():
        return True
    one, other = one.detach().reshape(-1), other.detach().reshape(-1)
    return torch.equal(one.to(other.device, other.dtype), other)


def _value(reading: _Reading, given: torch.Tensor, target: torch.Tensor) -> float | None:
    """The mean loss; None of a loss that takes more than these two."""
    loss = getattr(nn.functional, reading.function, None)
    if loss is None or reading.function == "gaussian_nll_loss":
        return None
    settings = {k: v for k, v in reading.settings.items() if k != "ignore_index"}
    if reading.function not in CLASS_LOSSES:
        settings.pop("weight", None)  # of single values
    try:
        return float(loss(given, target, **settings))
    except (RuntimeError, TypeError, ValueError, IndexError):  # settings that hold for the program's own shapes
        return None
