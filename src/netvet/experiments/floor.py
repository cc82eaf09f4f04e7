"""The lowest loss that targets allow: measured with free numbers in the place of the model's outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_unflatten

from netvet.capture.torch_rng import forked_rng
from netvet.capture.torch_taps_model import LOSS_FUNCTIONS
from netvet.experiments.calls import Outermost
from netvet.experiments.data import Batch
from netvet.experiments.problem import Learner, Problem, without_regularisation

# Adam on the outputs themselves: a step moves each by its rate, so that logits of 10 are reached from 0 in good time.
STEPS, RATE = 200, 0.3
# The search has arrived when its last quarter brought less than this share of the whole fall.
SETTLED = 0.02
# More outputs than this are not searched.
MAX_OUTPUTS = 4_000_000


@dataclass(frozen=True)
class Floor:
    """What a loss can be for the targets of one batch.

    Args:
        start: loss of the untrained model.
        lowest: loss with free outputs, equal where the inputs are equal; None where it could not be measured.
        reason: why it could not.
        random: the model or the loss draws random numbers in training, with dropout off.
    """

    start: float
    lowest: float | None
    reason: str = ""
    random: bool = False

    def way(self, loss: float) -> float | None:
        """Share of the way from start to floor: 1 at the floor; None where there is no way or no floor."""
        if self.lowest is None or not math.isfinite(loss):
            return None
        span = self.start - self.lowest
        return (self.start - loss) / span if span > 1e-6 * max(1.0, abs(self.start)) else None


def floor_of(problem: Problem, batch: Batch, *, eval_mode: bool = False) -> Floor:
    """Measure the floor of the loss of a batch; an error of the step is a reason, not an error."""
    with forked_rng(), torch.enable_grad():
        torch.manual_seed(0)
        learner = problem.learner(0)
        learner.model.train(not eval_mode)
        without_regularisation(learner.model.modules())
        before = torch.get_rng_state()
        with Outermost(learner.model) as seen:
            loss = float(learner.step(batch)[0].detach())
        random = not torch.equal(before, torch.get_rng_state())
        lowest, reason = None, ""
        for bounded in (False, True):  # probabilities are not free to leave 0 to 1: a loss may refuse them there
            try:
                lowest, reason = _search(learner, batch, seen, problem, bounded)
            except Exception as error:  # whatever a step does with other outputs than the model's own
                reason = f"the step does not take free outputs ({type(error).__name__})"
            if lowest is not None:
                break
    return Floor(loss, lowest, reason, random)


def _search(
    learner: Learner, batch: Batch, seen: Outermost, problem: Problem, bounded: bool
) -> tuple[float | None, str]:
    """The lowest loss that was found, or None and why."""
    free: list[torch.Tensor] = []
    makers: dict[int, list[Callable[[], Any]]] = {}
    for call in seen.calls:
        parts, spec = tree_flatten(call.output)
        if not all(isinstance(p, (torch.Tensor, int, float, str, type(None))) for p in parts):
            return None, f"the model gives a {type(call.output).__name__}"
        made = [_freed(p, batch, problem, free, bounded) for p in parts]
        if any(isinstance(p, torch.Tensor) and p.requires_grad and p.dim() == 0 for p in parts):
            return _within(learner, batch, problem)
        makers.setdefault(id(call.module), []).append(partial(_whole, made, spec))
    if not free or sum(t.numel() for t in free) > MAX_OUTPUTS:
        return None, "the outputs of the model are not known"
    with _replaced({id(c.module): c.module for c in seen.calls}, makers):
        return _descend(lambda: learner.step(batch)[0], free)


class _Losses(TorchFunctionMode):
    """Collects the calls of loss functions inside a model whose input hangs on its weights."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, torch.Tensor, Any, Any, torch.Tensor]] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        output = func(*args, **kwargs)
        if getattr(func, "__name__", "") in LOSS_FUNCTIONS and isinstance(output, torch.Tensor):
            given = args[0] if args else kwargs.pop("input", None)
            if isinstance(given, torch.Tensor) and given.requires_grad:
                self.calls.append((func, given.detach(), args[1:], kwargs, output.detach()))
        return output


def _within(learner: Learner, batch: Batch, problem: Problem) -> tuple[float | None, str]:
    """The lowest loss where the model makes it itself: by one loss function, whose value it gives as it is."""
    with _Losses() as seen:
        loss = learner.step(batch)[0].detach()
    if len(seen.calls) != 1 or seen.calls[0][4].shape != loss.shape or not torch.equal(seen.calls[0][4], loss):
        return None, "the loss is made within the model"
    function, given, rest, named, _ = seen.calls[0]
    free: list[torch.Tensor] = []
    made = _freed(given, batch, problem, free, bounded=False)
    return _descend(lambda: function(made(), *rest, **named), free)


def _whole(made: list[Callable[[], Any]], spec: Any) -> Any:
    return tree_unflatten([make() for make in made], spec)


def _freed(part: Any, batch: Batch, problem: Problem, free: list[torch.Tensor], bounded: bool) -> Callable[[], Any]:
    """A function that gives the free numbers in place of one output."""
    if not (isinstance(part, torch.Tensor) and part.is_floating_point() and part.dim()):
        return lambda: part
    inverse, form = _form(part.detach(), bounded)
    own = inverse(part.detach()).clone().requires_grad_()
    free.append(own)
    groups = same_inputs(part, batch, problem)
    if groups is None:
        return lambda: form(own)
    count = int(groups.max()) + 1
    sizes = torch.zeros(count, dtype=own.dtype).index_add_(0, groups, torch.ones(len(groups), dtype=own.dtype))

    def tied() -> torch.Tensor:
        flat = own.reshape(len(groups), -1)
        means = torch.zeros(count, flat.shape[1], dtype=own.dtype).index_add(0, groups, flat) / sizes[:, None]
        return form(means[groups].view_as(own))

    return tied


Map = Callable[[torch.Tensor], torch.Tensor]


def _form(output: torch.Tensor, bounded: bool) -> tuple[Map, Map]:
    """What makes free numbers of outputs, and outputs of free numbers: logarithms of probabilities stay such."""
    if output.dim() > 1:
        for axis in {1, output.dim() - 1}:
            if output.shape[axis] > 1 and bool((output.double().logsumexp(axis).abs() < 1e-4).all()):
                return lambda t: t, partial(torch.log_softmax, dim=axis)
    if bounded and bool(((output >= 0) & (output <= 1)).all()):
        return lambda t: torch.logit(t, 1e-6), torch.sigmoid
    return lambda t: t, lambda t: t


def same_inputs(output: torch.Tensor, batch: Batch, problem: Problem) -> torch.Tensor | None:
    """Groups of output rows whose inputs are equal, so that no model can tell them apart; None where all differ.

    For sequences of ids whose targets are ids as well, a row is a position, and its input what stands up to it: what
    comes later is not to be used where the next token is to be told.
    """
    roles = problem.train.roles
    inputs = [batch[n] for n in roles.inputs if n not in roles.shared]
    if not inputs or any(t.device.type != "cpu" or not t.dim() for t in (*inputs, output)):
        return None
    first = inputs[0]
    rows = [t.reshape(len(t), -1).double() for t in inputs if len(t) == len(first)]
    targets = [batch[n] for n in roles.targets]
    positions = first.dim() == 2 and not first.is_floating_point() and any(t.numel() == first.numel() for t in targets)
    if positions and len(inputs) == 1 and output.numel() % first.numel() == 0:
        if output.shape[: 2 if output.dim() > 2 else 1] in (first.shape, (first.numel(),)):
            steps = first.shape[1]
            prefixes = [tuple(row[: t + 1]) for row in first.tolist() for t in range(steps)]
            return _numbered(prefixes)
        return None
    if len(rows) != len(inputs) or len(output) != len(first):
        return None
    return _numbered([tuple(row) for row in torch.cat(rows, 1).tolist()])


def _numbered(keys: list[tuple[float, ...]]) -> torch.Tensor | None:
    numbers: dict[tuple[float, ...], int] = {}
    found = [numbers.setdefault(key, len(numbers)) for key in keys]
    return torch.tensor(found) if len(numbers) < len(keys) else None


@contextmanager
def _replaced(modules: dict[int, nn.Module], makers: dict[int, list[Callable[[], Any]]]) -> Iterator[None]:
    """Let modules give the free outputs, call by call in the order of the step."""
    counts = dict.fromkeys(makers, 0)

    def forward_of(key: int) -> Callable[..., Any]:
        def forward(*_args: Any, **_kwargs: Any) -> Any:
            made = makers[key][counts[key] % len(makers[key])]
            counts[key] += 1
            return made()

        return forward

    for key, module in modules.items():
        module.__dict__["forward"] = forward_of(key)
    try:
        yield
    finally:
        for module in modules.values():
            module.__dict__.pop("forward", None)


def _descend(step: Callable[[], torch.Tensor], free: list[torch.Tensor]) -> tuple[float | None, str]:
    scale = max(1.0, *(float(t.detach().abs().max()) for t in free))
    optimizer = torch.optim.Adam(free, lr=RATE * scale)
    losses: list[float] = []
    for number in range(STEPS):
        for group in optimizer.param_groups:  # a cosine: large steps to get there, small ones to arrive
            group["lr"] = RATE * scale * 0.5 * (1.0 + math.cos(math.pi * number / STEPS)) + 1e-3 * scale
        optimizer.zero_grad()
        loss = step()
        if not loss.requires_grad:
            return None, "the loss does not depend on the outputs of the model"
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            break
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    found = [value for value in losses if math.isfinite(value)]
    if not found:
        return None, "the loss of free outputs is no number"
    lowest, until = min(found), min(found[: max(1, STEPS * 3 // 4)])
    if until - lowest > SETTLED * max(losses[0] - lowest, 1e-12):
        return None, "the loss has no lowest value for these targets"
    return lowest, ""
