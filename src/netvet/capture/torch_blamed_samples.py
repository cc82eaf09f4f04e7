"""Which samples of a batch make its loss or gradients NaN or infinite: read off, then proved by leaving them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import torch

from netvet.capture.torch_copies import copies_at_work
from netvet.capture.torch_events import Session
from netvet.capture.torch_ops import ModelCall
from netvet.capture.torch_replay import NotReplayable, Replay
from netvet.capture.torch_tensors import tensors_in

# Repeating the step for one sample after the other ends after so many seconds.
SEARCH_SECONDS = 60.0


@dataclass(frozen=True)
class Samples:
    """The samples to blame.

    Args:
        rows: their places in the batch, of `size`; empty where no single sample is to blame.
        confirmed: without them, the same step gave finite numbers; None where that could not be tried.
        note: how it is known, or why it is not.
    """

    rows: tuple[int, ...]
    size: int
    confirmed: bool | None
    note: str


def rows_of(mask: torch.Tensor, axis: int, size: int) -> tuple[int, ...] | None:
    """The samples in which a result is not finite; None where its shape does not show the samples.

    Args:
        mask: which elements are not finite.
        axis: the axis of the samples in the inputs of the model.
        size: samples in the batch.
    """
    if mask.dim() == 0 or size < 2:
        return None
    lengths = list(mask.shape)
    if axis < len(lengths) and lengths[axis] == size:
        at = axis
    elif lengths.count(size) == 1:
        at = lengths.index(size)
    elif lengths[0] % size == 0 and axis == 0:  # samples times positions, or times heads
        mask = mask.reshape(size, -1)
        at = 0
    else:
        return None
    others = tuple(d for d in range(mask.dim()) if d != at)
    rows = mask.any(dim=others) if others else mask
    return tuple(int(i) for i in rows.nonzero().flatten())


class Bench:
    """Repeats the step on copies with other samples in it.

    Args:
        replay: the recorded step; axis and size: of the samples; backward: the gradients are what breaks.

    Raises:
        NotReplayable: nothing that goes into the step has that many samples.
    """

    def __init__(self, session: Session, replay: Replay, axis: int, size: int, *, backward: bool) -> None:
        self._session, self._replay, self._backward = session, replay, backward
        self._inputs = _inputs(replay, axis, size)
        self._began = perf_counter()
        if not self._inputs:
            raise NotReplayable("no tensor that goes into the step has the samples of the batch along an axis")

    @property
    def late(self) -> bool:
        """The search has taken long enough."""
        return perf_counter() - self._began > SEARCH_SECONDS

    def broken(self, rows: Sequence[int]) -> bool | None:
        """Whether the step on these samples (numbers of the batch; one may come more than once) breaks as well.

        None where the program cannot run on them.
        """
        replace = {i: t.index_select(a, torch.tensor(rows, device=t.device)) for i, (t, a) in self._inputs.items()}
        try:
            with copies_at_work(self._session, self._replay.models):
                loss = self._replay.run(replace).loss
                if not self._backward or not bool(torch.isfinite(loss.detach()).all()):
                    return not bool(torch.isfinite(loss.detach()).all())
                weights = [p for model in self._replay.models for p in model.parameters() if p.requires_grad]
                gradients = torch.autograd.grad(loss.sum(), weights, allow_unused=True)
            return not all(bool(torch.isfinite(g).all()) for g in gradients if g is not None)
        except (RuntimeError, ValueError, IndexError, NotReplayable):
            return None


def find_samples(bench: Bench, suspects: tuple[int, ...] | None, size: int) -> Samples:
    """The samples to blame: the suspected ones if leaving them out helps, else found one by one."""
    if suspects and len(suspects) < size:
        helped = bench.broken(_without(suspects, size)) is False
        if helped:
            return Samples(suspects, size, True, "without them the same step is finite")
    alone = [bench.broken([row] * size) for row in range(size) if not bench.late]
    if len(alone) < size or None in alone:
        return Samples(suspects or (), size, None, "the step could not be repeated for each sample alone")
    guilty = tuple(row for row, broken in enumerate(alone) if broken)
    if len(guilty) == size:
        return Samples(guilty, size, True, "a batch of any one of them alone breaks as well")
    if guilty and bench.broken(_without(guilty, size)) is False:
        return Samples(guilty, size, True, "a batch of one of them alone breaks, and without them the step is finite")
    note = "no sample breaks alone: it takes several together (batch statistics, sums over the batch)"
    return Samples(guilty, size, False, note)


def _without(rows: Sequence[int], size: int) -> list[int]:
    """A batch of the same size in which the others stand in for these: shapes written into the program still hold."""
    others = [row for row in range(size) if row not in set(rows)]
    return [row if row not in set(rows) else others[row % len(others)] for row in range(size)]


def _inputs(replay: Replay, axis: int, size: int) -> dict[int, tuple[torch.Tensor, int]]:
    """What goes into the step from outside and has the samples along an axis: by identity, with that axis."""
    made = {id(t) for e in replay.events for t in tensors_in(e.output)}
    weights = {id(p) for e in replay.events if isinstance(e, ModelCall) for p in e.original.parameters()}
    found: dict[int, tuple[torch.Tensor, int]] = {}
    for event in replay.events:
        for tensor in tensors_in((event.args, event.kwargs)):
            if id(tensor) in made or id(tensor) in weights:
                continue
            at = axis if axis < tensor.dim() and tensor.shape[axis] == size else 0
            if tensor.dim() and tensor.shape[at] == size:
                found[id(tensor)] = (tensor, at)
    return found


def described(samples: Samples | None) -> dict[str, Any] | None:
    """As plain data."""
    if samples is None:
        return None
    return {"rows": list(samples.rows), "of": samples.size, "confirmed": samples.confirmed, "how": samples.note}
