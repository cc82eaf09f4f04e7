"""What is heard while the collectors sleep: every loss, and now and then the learning rate and the gradient norm.

A loss on the CPU is read where it lies, without an operation of PyTorch. The gradient norm is one fused pass, taken as
often as a share of the budget allows. On an accelerator, numbers travel while the program goes on and are read a step
later: nothing waits for the device.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

import torch

from netvet.capture.torch_events import Session
from netvet.capture.torch_loop import global_norm
from netvet.capture.torch_site import user_site
from netvet.capture.torch_sleep import Sleeper

# The share of the budget that is spent on gradient norms between windows; the rest is for the windows.
SHARE = 0.2
MAX_INTERVAL = 200
# A norm this much larger than usual, or one that is no number, wakes the collectors at once.
DEVIATION, USUAL = 10.0, 25
# Losses of sleeping steps that are kept in memory before they are handed over.
MAX_KEPT = 2_000


class AlwaysOn:
    """Reads losses, learning rates and gradient norms of steps at which no collector listens.

    Args:
        budget: share of wall time that may be spent; None: a norm at every step.

    Attributes:
        newest: the last losses of sleeping steps, of all places.
    """

    part = "sleeping steps"

    def __init__(self, session: Session, sleeper: Sleeper, budget: float | None) -> None:
        self._session = session
        self._sleeper = sleeper
        self._share = None if budget is None else SHARE * budget
        # By code and instruction of a backward call; the code is kept alive, so that no other gets its id.
        self._places: dict[tuple[int, int], tuple[str, CodeType]] = {}
        self._losses: list[tuple[int, str, float]] = []
        self._scale = 1.0
        self._left = 1
        self._interval = 1
        self.newest: deque[float] = deque(maxlen=USUAL)
        self._norms: deque[float] = deque(maxlen=USUAL)
        self._travelling: deque[tuple[Any, torch.Tensor, int, str | None, str]] = deque()
        self._device_loss: tuple[str, torch.Tensor] | None = None
        self._off = False
        self.measure = session.recorder.guard("sleeping gradient norms", self._measure)

    def loss(self, tensors: Any) -> None:
        """A backward call begins; the tap calls this. No clock runs here."""
        if self._off:
            return
        try:
            self._loss(tensors if isinstance(tensors, torch.Tensor) else tensors[0], sys._getframe(2))
        except Exception as error:
            self._off = True
            self._session.recorder.switch_off("losses of sleeping steps", error)

    def _loss(self, loss: torch.Tensor, frame: FrameType) -> None:
        if loss.dim() or not loss.dtype.is_floating_point:
            return
        if frame.f_code.co_name == "backward" and frame.f_back is not None:  # Tensor.backward
            frame = frame.f_back
        place = (id(frame.f_code), frame.f_lasti)
        known = self._places.get(place)
        if known is None:
            known = self._places[place] = (str(user_site() or "?"), frame.f_code)
        site = known[0]
        if not loss.is_cpu:
            if self._left <= 1:
                self._device_loss = site, loss.detach()
            return
        value: float = loss.tolist() / self._scale  # type: ignore[operator]  # of no dimension: a number
        self._losses.append((self._session.step, site, value))
        self.newest.append(value)
        if not math.isfinite(value):
            self._deviates()
        if len(self._losses) >= MAX_KEPT:
            self.on_wake()

    def begin(self, optimizer: torch.optim.Optimizer) -> None:
        """A step begins."""
        self._left -= 1
        if self._left <= 0:
            self._left = self._interval
            self.measure(optimizer)

    @torch.no_grad()
    def _measure(self, optimizer: torch.optim.Optimizer) -> None:
        began = perf_counter()
        session = self._session
        if not session.recorder.here:
            return
        name = session.options["optimizers"].get(optimizer) or type(optimizer).__name__
        self.on_wake()  # a killed process loses no more losses than there are between two norms
        for index, group in enumerate(optimizer.param_groups[:8]):
            session.recorder.value(session.step, "lr", float(group["lr"]), f"{name}/{index}")
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        scale = getattr(optimizer, "grad_scale", None)
        if gradients and gradients[0].device.type == "cuda":
            self._send(gradients, name)
        elif gradients:
            self._take(session.step, name, global_norm(gradients) / (float(scale) if scale is not None else 1.0))
        self._plan(perf_counter() - began)

    def _plan(self, seconds: float) -> None:
        ordinary = self._sleeper.ordinary
        if self._share is None or ordinary is None:
            self._interval = 1 if self._share is None else 10
        elif self._share <= 0:
            self._interval = MAX_INTERVAL
        else:
            self._interval = min(MAX_INTERVAL, max(1, math.ceil(seconds / (self._share * ordinary))))
        self._left = self._interval

    def _take(self, step: int, name: str, norm: float) -> None:
        self._session.recorder.value(step, "grad_norm", norm, name)
        usual = sorted(self._norms)[len(self._norms) // 2] if len(self._norms) == USUAL else math.inf
        if not norm <= DEVIATION * usual:  # also what is no number
            self._deviates()
        self._norms.append(norm)

    def _send(self, gradients: list[torch.Tensor], name: str) -> None:
        """Let the norm (and the loss) travel; take what has arrived."""
        dense = [g.detach() for g in gradients if not g.is_sparse]
        norms = torch._foreach_norm(dense, dtype=torch.float32) if dense else []
        found = [torch.linalg.vector_norm(torch.stack(list(norms)))] if dense else []
        site, loss = self._device_loss or (None, None)
        if loss is not None:
            found.append(loss.to(torch.float32))
        self._device_loss = None
        if found:
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            there = torch.stack(found).to("cpu", non_blocking=True)
            arrived.record()
            self._travelling.append((arrived, there, self._session.step, site, name))
        while self._travelling and self._travelling[0][0].query():
            _, there, step, site, name = self._travelling.popleft()
            norm, *losses = there.tolist()
            self._take(step, name, norm)
            if losses and site is not None:
                self._losses.append((step, site, losses[0]))

    def _deviates(self) -> None:
        self._sleeper.rouse(steps=2, urgent=True)

    def on_wake(self, _: None = None) -> None:
        """Give the losses to the recorder: one number for each step and place."""
        sums: dict[tuple[int, str], list[float]] = {}
        for step, site, value in self._losses:
            sums.setdefault((step, site), []).append(value)
        for (step, site), values in sums.items():
            self._session.recorder.value(step, "loss", sum(values) / len(values), site)
        self._losses.clear()

    def on_sleep(self, _: None) -> None:
        self._scale = float(self._session.options.get("loss_scale", 1.0))

    on_report = on_wake
