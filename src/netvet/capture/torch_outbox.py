"""Numbers on their way from the device: all that collectors measured in a step travels together.

They become numbers of a run outside of the steps: those of several steps at once, where many steps go on alike.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from netvet.capture.torch_events import Session
from netvet.capture.torch_sampling import Numbers

# While the collectors sleep, the numbers of so many steps at most are handed over together, and no more than go into
# this time, which is as long as a store waits before it writes: a killed process loses no more.
MAX_HELD, HELD_SECONDS = 64, 0.25

# Gets the steps, the layout that was given with their vectors, and the numbers [steps, numbers of a step].
Deliver = Callable[[list[int], Any, Numbers], None]


class _Part(NamedTuple):
    """What one collector has measured at a step: vectors of one type, on one device."""

    step: int
    vectors: Sequence[torch.Tensor]
    deliver: Deliver
    layout: Any


class _Block(NamedTuple):
    """The same part of several steps."""

    deliver: Deliver
    layout: Any
    steps: list[int]
    rows: list[Numbers]


class Outbox:
    """Takes vectors of numbers, and hands them over with one transfer per step and device at most.

    From an accelerator they travel while the program goes on, and arrive with a later step.
    """

    part = "numbers of a step"
    dormant = ("step_end",)

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["outbox"] = self
        self._waiting: list[_Part] = []
        self._travelling: deque[tuple[Any, torch.Tensor, list[_Part]]] = deque()
        # What has arrived, over so many steps, and how many it may be.
        self._held: list[_Part] = []
        self._steps = 0
        self._limit = 1

    def put(self, step: int, vectors: Sequence[torch.Tensor], deliver: Deliver, layout: Any) -> None:
        """Send vectors of real numbers of one type and device, which nobody changes any more.

        Args:
            deliver: gets them, with those of other steps that had the same `layout`.
        """
        if vectors:
            there = self._waiting if vectors[0].is_cuda else self._held
            there.append(_Part(step, vectors, deliver, layout))

    def on_step_end(self, _event: Any = None) -> None:
        """Send what waits, take what has arrived."""
        if self._waiting:
            self._send()
        while self._travelling and self._travelling[0][0].query():
            self._arrive()
        self._steps += 1
        if self._steps >= self._limit:
            self.hand_over()

    def on_sleep(self, _: None) -> None:
        """From now on steps are alike, and nobody waits for their numbers."""
        ordinary = self._session.sleeper.ordinary if self._session.sleeper is not None else None
        self._limit = max(1, min(MAX_HELD, int(HELD_SECONDS / ordinary))) if ordinary else 1

    def on_wake(self, _: None) -> None:
        self._limit = 1
        self.hand_over()

    def on_finish(self, _ended: str) -> None:
        if self._waiting:
            self._send()
        while self._travelling:
            self._travelling[0][0].synchronize()
            self._arrive()
        self.hand_over()

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for device in dict.fromkeys(part.vectors[0].device for part in waiting):
            mine = [part for part in waiting if part.vectors[0].device == device]
            there = torch.cat([vector for part in mine for vector in part.vectors]).to("cpu", non_blocking=True)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
            self._travelling.append((arrived, there, mine))

    def _arrive(self) -> None:
        _, there, parts = self._travelling.popleft()
        vectors = torch.split(there, [sum(v.numel() for v in part.vectors) for part in parts])
        self._held += [part._replace(vectors=[v]) for part, v in zip(parts, vectors, strict=True)]

    def hand_over(self) -> None:
        """Give the collectors what has arrived."""
        held, self._held, self._steps = self._held, [], 0
        for block in _blocks(held, _numbers(held)):
            block.deliver(block.steps, block.layout, np.stack(block.rows))


def _numbers(parts: list[_Part]) -> list[Numbers]:
    """The numbers of each part, with one transfer for each device and type."""
    found: list[Numbers] = [np.empty(0)] * len(parts)
    alike: dict[tuple[torch.device, torch.dtype], list[int]] = {}
    for index, part in enumerate(parts):
        alike.setdefault((part.vectors[0].device, part.vectors[0].dtype), []).append(index)
    for indices in alike.values():
        whole = torch.cat([vector for index in indices for vector in parts[index].vectors]).cpu().double().numpy()
        begin = 0
        for index in indices:
            end = begin + sum(vector.numel() for vector in parts[index].vectors)
            found[index], begin = whole[begin:end], end
    return found


def _blocks(parts: list[_Part], numbers: list[Numbers]) -> list[_Block]:
    """Parts of one kind that follow each other with the same layout, together; of each kind in their order."""
    found: list[_Block] = []
    going_on: dict[tuple[Deliver, int], _Block] = {}
    often = Counter[tuple[Deliver, int]]()
    for (step, _, deliver, layout), row in zip(parts, numbers, strict=True):
        kind = deliver, often[deliver, step]  # a collector may have several in a step
        often[deliver, step] += 1
        block = going_on.get(kind)
        if block is None or block.layout != layout:
            block = going_on[kind] = _Block(deliver, layout, [], [])
            found.append(block)
        block.steps.append(step)
        block.rows.append(row)
    return found
