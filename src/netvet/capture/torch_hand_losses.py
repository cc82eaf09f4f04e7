"""Losses written by hand: `((p - y) ** 2).mean()`, `-logp[range(n), y].mean()`, `dist.log_prob(y).mean()`.

They are known by their value: where a prediction meets data on the way to a number in the loss, the standard
losses of the two are worked out, and one that gives this very number (or its negative) is what was written.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch

from netvet.capture.site import Site, user_site
from netvet.capture.torch_events import Backward, LossCall, Session, Step
from netvet.capture.torch_ops import ModelCall, Operation, StepRecorder
from netvet.capture.torch_patch import Patches
from netvet.capture.torch_taps_model import LOSS_FUNCTIONS
from netvet.capture.torch_tensors import is_plain, tensors_in

# float32 sums in another order, and a small epsilon inside a logarithm, stay within this (relative).
TOLERANCE = 1e-4
# A value near zero equals too many things.
SMALLEST = 1e-6
# Places where data comes in, numbers, steps back to the model's output: more than any loss in use needs.
MAX_MERGES, MAX_SCALARS, MAX_BACK, MAX_EVENTS = 20, 20, 6, 2_000
MAX_ELEMENTS = 1_000_000
MAX_LOG_PROBS = 64
Event = Operation | ModelCall
Apply = Callable[..., torch.Tensor]


@dataclass(slots=True)
class HandLoss:
    """A loss made of tensor operations that equals a standard one.

    Args:
        function: the standard loss, named as in torch.nn.functional, or `log_prob` (the negative of its mean or sum).
        output: the number that the script made; `sign` times it is the standard loss.
        inside: ids of the events from the input to the output.
        apply: the standard loss of (prediction, target, reduction), None for `log_prob`.
    """

    function: str
    input: torch.Tensor
    target: torch.Tensor
    reduction: str
    output: torch.Tensor
    sign: int
    site: Site | None
    event: Event
    inside: frozenset[int]
    apply: Apply | None


@dataclass(slots=True)
class LogProb:
    """A call of log_prob of a distribution of torch.distributions."""

    input: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor
    site: Site | None


def find_hand_losses(events: Sequence[Event], loss: torch.Tensor, log_probs: Sequence[LogProb] = ()) -> list[HandLoss]:
    """The losses written by hand that this loss depends on, the first of each prediction and target."""
    if len(events) > MAX_EVENTS:
        return []
    with torch.no_grad():
        return list(_found(Steps(events, loss), log_probs))


def _found(steps: Steps, log_probs: Sequence[LogProb]) -> Iterator[HandLoss]:
    taken: list[float] = []  # one number is one loss, with and without its minus sign
    for index, moving, data in steps.merges():
        scalars = [pair for pair in steps.scalars(index) if not _among(pair[1], taken)]
        match = next(_matches(steps, index, moving, data, scalars), None)
        if match is not None:
            taken.append(abs(float(match.output)))
            yield match
    for one in log_probs:
        values = _reductions(-one.output.detach(), one.output)
        equal = [(event, scalar, *_equal(scalar, values)) for event, scalar in steps.scalars(None)]
        for event, scalar, sign, reduction in sorted((e for e in equal if e[2]), key=lambda e: -e[2])[:1]:
            if not _among(scalar, taken):
                taken.append(abs(float(scalar)))
                inside: frozenset[int] = frozenset()
                yield HandLoss("log_prob", one.input, one.value, reduction, scalar, sign, one.site, event, inside, None)


def _among(scalar: torch.Tensor, taken: list[float]) -> bool:
    return any(abs(abs(float(scalar)) - value) <= TOLERANCE * value for value in taken)


def _matches(
    steps: Steps, index: int, moving: torch.Tensor, data: torch.Tensor, scalars: list[tuple[Event, torch.Tensor]]
) -> Iterator[HandLoss]:
    for given in steps.ancestors(moving):
        for function, target, apply in _standard(given.detach(), data):
            values = _reductions(apply(given.detach(), target, "none"), given)
            equal = [(event, scalar, *_equal(scalar, values)) for event, scalar in scalars]
            # `nll = (...).mean(); loss = -nll` holds both: what has the right sign is the loss.
            for event, scalar, sign, reduction in sorted((e for e in equal if e[2]), key=lambda e: -e[2]):
                inside = steps.between(given, scalar)
                fixed = partial(_reduced, apply, reduction)
                yield HandLoss(
                    function, given, target, reduction, scalar, sign, steps.kept[index].site, event, inside, fixed
                )


def _reduced(
    apply: Apply, own: str, prediction: torch.Tensor, target: torch.Tensor, reduction: str | None = None
) -> torch.Tensor:
    each, chosen = apply(prediction, target, "none"), reduction or own
    if chosen == "none":
        return each
    if chosen == "mean":
        return each.mean()
    return each.sum() / len(prediction) if chosen == "batchmean" else each.sum()


def _reductions(each: torch.Tensor, given: torch.Tensor) -> dict[str, float]:
    count = given.shape[0] if given.dim() else 1
    total = float(each.double().sum())
    return {"mean": total / max(each.numel(), 1), "sum": total, "batchmean": total / max(count, 1)}


def _equal(scalar: torch.Tensor, values: dict[str, float]) -> tuple[int, str]:
    """1 or -1 and the reduction under which the number is the value or its negative; 0 where it is neither."""
    seen = float(scalar.detach())
    if abs(seen) < SMALLEST or seen != seen:
        return 0, ""
    for sign in (1, -1):
        for name, value in values.items():
            if abs(sign * value - seen) <= TOLERANCE * abs(seen):
                return sign, name
    return 0, ""


class Steps:
    """The recorded events on which a loss depends."""

    def __init__(self, events: Sequence[Event], loss: torch.Tensor) -> None:
        needed, kept = {id(loss)}, []
        for event in reversed(events):
            if any(id(t) in needed for t in tensors_in(event.output)):
                kept.append(event)
                needed.update(id(t) for t in tensors_in((event.args, event.kwargs)))
        self.kept: list[Event] = kept[::-1]
        self.producer: dict[int, int] = {}
        for i, event in enumerate(self.kept):  # a module call gives what the last operation inside it made
            for t in tensors_in(event.output):
                self.producer.setdefault(id(t), i)

    def merges(self) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
        """Operations at which one tensor that came from a model meets data: index, that tensor, the data."""
        count = 0
        for index, event in enumerate(self.kept):
            if isinstance(event, ModelCall) or getattr(event.function, "__name__", "") in LOSS_FUNCTIONS:
                continue
            tensors = {id(t): t for t in tensors_in((event.args, event.kwargs))}
            moving = [t for t in tensors.values() if self._moves(t) and t.is_floating_point()]
            fixed = [t for t in tensors.values() if not self._moves(t) and not t.requires_grad and t.numel() > 1]
            if len(moving) != 1 or not is_plain(moving[0]) or not 1 < moving[0].numel() <= MAX_ELEMENTS:
                continue
            for data in fixed:
                if is_plain(data) and data.numel() <= MAX_ELEMENTS and not data.is_complex() and count < MAX_MERGES:
                    count += 1
                    yield index, moving[0], data

    def _moves(self, tensor: torch.Tensor) -> bool:
        """It came from a model; inside one only its last operations are known, but the graph tells."""
        return id(tensor) in self.producer or (tensor.requires_grad and not tensor.is_leaf)

    def scalars(self, after: int | None) -> Iterator[tuple[Event, torch.Tensor]]:
        """Numbers that depend on an event (None: all), in order."""
        reached = {id(t) for t in tensors_in(self.kept[after].output)} if after is not None else set()
        count = 0
        for event in self.kept[0 if after is None else after :]:
            if after is not None and not any(
                id(t) in reached for t in tensors_in((event.args, event.kwargs, event.output))
            ):
                continue
            for t in tensors_in(event.output):
                reached.add(id(t))
                if t.dim() == 0 and t.requires_grad and is_plain(t) and count < MAX_SCALARS:
                    count += 1
                    yield event, t

    def ancestors(self, tensor: torch.Tensor) -> list[torch.Tensor]:
        """A tensor and what it was made of alone, the farthest first."""
        found = [tensor]
        for _ in range(MAX_BACK):
            event = self.kept[self.producer[id(found[-1])]] if id(found[-1]) in self.producer else None
            if event is None or isinstance(event, ModelCall) or _is_layer(event):
                break
            before = [t for t in tensors_in((event.args, event.kwargs)) if self._moves(t)]
            if len(before) != 1 or not before[0].is_floating_point() or before[0].dim() == 0:
                break
            found.append(before[0])
        return found[::-1]

    def between(self, first: torch.Tensor, last: torch.Tensor) -> frozenset[int]:
        """Ids of the events that lead from one tensor to another."""
        reached, forward = {id(first)}, []
        for event in self.kept:
            if any(id(t) in reached for t in tensors_in((event.args, event.kwargs))):
                forward.append(event)
                reached.update(id(t) for t in tensors_in(event.output))
        wanted, inside = {id(last)}, set()
        for event in reversed(forward):
            if any(id(t) in wanted for t in tensors_in(event.output)):
                inside.add(id(event))
                wanted.update(id(t) for t in tensors_in((event.args, event.kwargs)))
        return frozenset(inside)


def _opened(events: Sequence[Event]) -> Iterator[Event]:
    """The events, with the last operations inside each module call before it."""
    for event in events:
        if isinstance(event, ModelCall):
            yield from event.tail
        yield event


def _is_layer(event: Event) -> bool:
    """It has weights of its own: what is before it is no form of the prediction."""
    return any(isinstance(t, torch.nn.Parameter) for t in tensors_in((event.args, event.kwargs)))


def _standard(given: torch.Tensor, data: torch.Tensor) -> Iterator[tuple[str, torch.Tensor, Apply]]:
    """The standard losses that fit the shapes: name, target as that loss wants it, the loss itself."""
    count = given.shape[0] if given.dim() else 0
    if not data.is_floating_point() and given.dim() == 2 and data.numel() == count and given.shape[1] > 1:
        labels = data.reshape(-1).long()
        if bool(((labels >= 0) & (labels < given.shape[1])).all()):
            yield from _class_losses(given, labels)
    if given.shape == data.shape and given.dim() == 2 and given.shape[1] > 1 and _one_hot(data):
        yield from _class_losses(given, data.float().argmax(1))
    target = data.to(given.dtype)
    if given.shape == data.shape or _broadcasts(given, data):
        yield "mse_loss", target, lambda p, t, _r: (p - t).square()
        yield "l1_loss", target, lambda p, t, _r: (p - t).abs()
        yield "smooth_l1_loss", target, _smooth
    if given.shape == data.shape and bool(((data >= 0) & (data <= 1)).all()):
        if bool(((given >= 0) & (given <= 1)).all()):
            yield "binary_cross_entropy", target, _binary
        yield (
            "binary_cross_entropy_with_logits",
            target,
            lambda p, t, _r: torch.nn.functional.softplus(p) - p * t,
        )


def _class_losses(given: torch.Tensor, labels: torch.Tensor) -> Iterator[tuple[str, torch.Tensor, Apply]]:
    known = bool((torch.logsumexp(given, 1).abs() < 1e-3).all())
    if known:
        yield "nll_loss", labels, _picked
    yield "cross_entropy", labels, lambda p, t, _r: -torch.log_softmax(p, 1).gather(1, t[:, None]).squeeze(1)
    if not known:
        yield "nll_loss", labels, _picked  # of what is no log-probability: a softmax over the wrong axis, raw scores


def _picked(p: torch.Tensor, t: torch.Tensor, _reduction: str) -> torch.Tensor:
    return -p.gather(1, t[:, None]).squeeze(1)


def _one_hot(data: torch.Tensor) -> bool:
    return bool(((data == 0) | (data == 1)).all() and (data.sum(1) == 1).all())


def _smooth(p: torch.Tensor, t: torch.Tensor, _reduction: str) -> torch.Tensor:
    away = (p - t).abs()
    return torch.where(away < 1, 0.5 * away.square(), away - 0.5)


def _binary(p: torch.Tensor, t: torch.Tensor, _reduction: str) -> torch.Tensor:
    # Like PyTorch: logarithms no lower than -100.
    return -(t * p.log().clamp(min=-100) + (1 - t) * (1 - p).log().clamp(min=-100))


def _broadcasts(given: torch.Tensor, data: torch.Tensor) -> bool:
    try:
        shape = np.broadcast_shapes(tuple(given.shape), tuple(data.shape))
    except ValueError:
        return False
    return math.prod(shape) <= MAX_ELEMENTS


class HandLossCollector:
    """Tells the collectors of losses about those written by hand, as far as the first steps are recorded."""

    part = "losses written by hand"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._log_probs: list[LogProb] = []
        session.options["log_probs"] = self._log_probs

    def on_backward_begin(self, event: Backward) -> None:
        recorder: StepRecorder | None = self._session.options.get("step_recorder")
        if recorder is None or not recorder.events or event.loss.grad_fn is None:
            return
        for one in find_hand_losses(list(_opened(recorder.events)), event.loss, self._log_probs):
            call = LossCall(
                one.function, one.input, one.target, {"reduction": one.reduction}, one.output, one.site, True, one.sign
            )
            self._session.emit("hand_loss", call)

    def on_step_end(self, _event: Step) -> None:
        self._log_probs.clear()

    def on_finish(self, _ended: str) -> None:
        self._log_probs.clear()


def tap_log_probs(session: Session, patches: Patches) -> None:
    """Keep the calls of log_prob of distributions while steps are recorded."""
    inside = False

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def log_prob(self: Any, value: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal inside
            recorder = session.options.get("step_recorder")
            if inside or recorder is None or not recorder.recording:
                return original(self, value, *args, **kwargs)
            inside = True
            try:
                output = original(self, value, *args, **kwargs)
            finally:
                inside = False
            note(self, value, output)
            return output

        return log_prob

    def keep(distribution: Any, value: Any, output: Any) -> None:
        kept: list[LogProb] = session.options.get("log_probs", [])
        if len(kept) >= MAX_LOG_PROBS or session.emitting or not is_plain(output) or not output.requires_grad:
            return
        # A value that was drawn (a policy's action, a latent) is no target.
        if not is_plain(value) or value.requires_grad or id(value) in session.options["step_recorder"].moving:
            return
        mean = getattr(distribution, "loc", None)
        kept.append(LogProb(mean if is_plain(mean) and mean.requires_grad else output, value, output, user_site(2)))

    note = session.recorder.guard("log_prob of distributions", keep)
    for cls in {c for c in vars(torch.distributions).values() if isinstance(c, type)}:
        if "log_prob" in vars(cls):
            patches.wrap(cls, "log_prob", make, rests=True)
