"""Numbers on their way from the device: all that collectors measured in a step travels together.

They become numbers of a run outside of the steps: those of several steps at once, where many steps go on alike.
"""

from __future__ import annotations

from collections import deque
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
    """Of the numbers of a step so many, one after the other, that one collector has measured."""

    step: int
    deliver: Deliver
    layout: Any
    count: int


class _Block(NamedTuple):
    """The same part of several steps."""

    deliver: Deliver
    layout: Any
    steps: list[int]
    rows: list[Numbers]


class Outbox:
    """Takes vectors of numbers, and hands them over with one transfer per step and device.

    From an accelerator they travel while the program goes on, and arrive with a later step.
    """

    part = "numbers of a step"
    dormant = ("step_end",)

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["outbox"] = self
        self._waiting: list[tuple[int, Sequence[torch.Tensor], Deliver, Any]] = []
        self._travelling: deque[tuple[Any, torch.Tensor, list[_Part]]] = deque()
        # What has arrived, and of how many steps it may wait.
        self._held: list[tuple[torch.Tensor, list[_Part]]] = []
        self._limit = 1

    def put(self, step: int, vectors: Sequence[torch.Tensor], deliver: Deliver, layout: Any) -> None:
        """Send vectors of real numbers of one device.

        Args:
            deliver: gets them, with those of other steps that had the same `layout`.
        """
        if vectors:
            self._waiting.append((step, vectors, deliver, layout))

    def on_step_end(self, _event: Any = None) -> None:
        """Send what waits, take what has arrived."""
        if self._waiting:
            self._send()
        while self._travelling and self._travelling[0][0].query():
            self._arrive()
        if len(self._held) >= self._limit:
            self.hand_over()

    def on_sleep(self, _: None) -> None:
        """From now on steps are alike, and none is waited for."""
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
        for device in dict.fromkeys(vectors[0].device for _, vectors, _, _ in waiting):
            mine = [one for one in waiting if one[1][0].device == device]
            each = [vector for _, vectors, _, _ in mine for vector in vectors]
            whole = torch.cat(each) if len(each) > 1 else each[0]
            parts = [_Part(step, to, layout, sum(map(len, vectors))) for step, vectors, to, layout in mine]
            if device.type != "cuda":
                self._held.append((whole, parts))
                continue
            there, arrived = whole.to("cpu", non_blocking=True), torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
            self._travelling.append((arrived, there, parts))

    def _arrive(self) -> None:
        _, there, parts = self._travelling.popleft()
        self._held.append((there, parts))

    def hand_over(self) -> None:
        """Give the collectors what has arrived."""
        held, self._held = self._held, []
        if not held:
            return
        wholes = [whole.cpu() for whole, _ in held]
        numbers = (torch.cat(wholes) if len(wholes) > 1 else wholes[0]).double().numpy()
        for block in _blocks(numbers, [parts for _, parts in held]):
            block.deliver(block.steps, block.layout, np.stack(block.rows))


def _blocks(numbers: Numbers, steps: list[list[_Part]]) -> list[_Block]:
    """Parts of one kind that follow each other with the same layout, together; of each kind in their order."""
    found: list[_Block] = []
    going_on: dict[tuple[Deliver, int], _Block] = {}
    begin = 0
    for parts in steps:
        for number, (step, deliver, layout, count) in enumerate(parts):
            kind = deliver, sum(one.deliver == deliver for one in parts[:number])
            block = going_on.get(kind)
            if block is None or block.layout != layout:
                block = going_on[kind] = _Block(deliver, layout, [], [])
                found.append(block)
            block.steps.append(step)
            block.rows.append(numbers[begin : begin + count])
            begin += count
    return found
