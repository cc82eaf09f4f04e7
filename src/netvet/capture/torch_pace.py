"""How long the parts of a step take on this rank: before which it lets the others wait, and in which it waits."""

from __future__ import annotations

from time import perf_counter

import torch

from netvet.capture.torch_events import Backward, Call, Session, Step

SIGNAL = "pass_seconds"


class PaceCollector:
    """Records `pass_seconds` in distributed runs.

    Ranks that average their gradients end each step together, however slow one of them is. What tells them apart is
    when they begin: the slow one comes late to the backward pass, and the others wait for it in there.
    netvet's own time is left out.
    """

    part = "pace of the ranks"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._marks: list[float] = []
        # When the last backward pass of the step before ended, and the number of the step after it.
        self._end: tuple[float, int] | None = None
        self._done: float | None = None
        self._several: bool | None = None

    def _now(self) -> float:
        recorder = self._session.recorder
        return perf_counter() - recorder.cost

    def on_call_begin(self, event: Call) -> None:
        if event.phase != "train" or self._marks or self._several is False:
            return
        distributed = torch.distributed
        if not (distributed.is_available() and distributed.is_initialized()):
            return
        self._several = distributed.get_world_size() > 1
        if self._several:
            self._marks = [self._now()]

    def on_backward_begin(self, _event: Backward) -> None:
        if len(self._marks) == 1:
            self._marks.append(self._now())

    def on_backward_end(self, _event: Backward) -> None:
        if len(self._marks) == 2:  # of micro-batches, the last one counts: it is the one that averages
            self._done = self._now()

    def on_step_end(self, _event: Step) -> None:
        marks, done, begun, step = self._marks, self._done, self._end, self._session.step
        self._marks, self._done, self._end = [], None, None
        if len(marks) == 2 and done is not None:
            self._end = (done, step)
            if begun is not None and begun[1] == step - 1:
                called, back = marks
                parts = {"between passes": called - begun[0], "forward": back - called, "backward": done - back}
                self._session.recorder.values(step - 1, SIGNAL, parts)
