"""Numbers on their way from the device: all that collectors measured in a step travels together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import torch

from netvet.capture.torch_events import Session

Deliver = Callable[[list[float]], None]


class Outbox:
    """Takes vectors of numbers, and hands them over as floats with one transfer per step and device.

    From an accelerator they travel while the program goes on, and arrive with a later step.
    """

    part = "numbers of a step"
    dormant = ("step_end",)

    def __init__(self, session: Session) -> None:
        self._session = session
        session.options["outbox"] = self
        self._waiting: list[tuple[list[torch.Tensor], Deliver]] = []
        self._travelling: deque[tuple[Any, torch.Tensor, list[tuple[int, Deliver]]]] = deque()

    def put(self, vectors: Sequence[torch.Tensor], deliver: Deliver) -> None:
        """Send vectors of real numbers of one device; `deliver` gets them as one list."""
        if vectors:
            self._waiting.append((list(vectors), deliver))

    def on_step_end(self, _event: Any = None) -> None:
        """Send what waits, take what has arrived."""
        if self._waiting:
            self._send()
        while self._travelling and self._travelling[0][0].query():
            self._arrive()

    def on_finish(self, _ended: str) -> None:
        if self._waiting:
            self._send()
        while self._travelling:
            self._travelling[0][0].synchronize()
            self._arrive()

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for device in dict.fromkeys(vectors[0].device for vectors, _ in waiting):
            mine = [(vectors, deliver) for vectors, deliver in waiting if vectors[0].device == device]
            each = [vector for vectors, _ in mine for vector in vectors]
            whole = torch.cat(each) if len(each) > 1 else each[0]
            parts = [(sum(map(len, vectors)), deliver) for vectors, deliver in mine]
            if device.type != "cuda":
                _hand_out(whole.tolist(), parts)
                continue
            there, arrived = whole.to("cpu", non_blocking=True), torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record()
            self._travelling.append((arrived, there, parts))

    def _arrive(self) -> None:
        _, there, parts = self._travelling.popleft()
        _hand_out(there.tolist(), parts)


def _hand_out(numbers: list[float], parts: list[tuple[int, Deliver]]) -> None:
    begin = 0
    for count, deliver in parts:
        deliver(numbers[begin : begin + count])
        begin += count
