"""What is heard while the collectors sleep: every loss, and now and then the learning rate and the gradient norm.

A loss on the CPU is read where it lies, without an operation of PyTorch. The gradient norm is one fused pass, taken as
often as a share of the budget allows. On an accelerator, numbers travel while the program goes on and are read a step
later: nothing waits for the device.
"""

from __future__ import annotations

import math
import sys
from bisect import bisect_right
from collections import deque
from time import perf_counter
from types import CodeType, FrameType
from typing import Any

import torch

from netvet.capture.site import user_site
from netvet.capture.torch_events import Session
from netvet.capture.torch_loop import loss_key
from netvet.capture.torch_norms import global_norm, norm_of
from netvet.capture.torch_shards import is_shared
from netvet.capture.torch_sleep import Sleeper

# The share of the budget that is spent on gradient norms between windows; the rest is for the windows.
SHARE = 0.2
MAX_INTERVAL = 200
# A norm this much larger than usual, or one that is no number, wakes the collectors at once.
DEVIATION, USUAL = 10.0, 25
# Losses of sleeping steps that are kept in memory before they are handed over.
MAX_KEPT = 2_000
# The same of losses of one step on an accelerator.
MAX_ON_DEVICE = 64


class AlwaysOn:
    """Reads losses, learning rates and gradient norms of steps at which no collector listens.

    Args:
        budget: share of wall time that may be spent; None: a norm at every step.

    Attributes:
        newest: the last losses of sleeping steps, of all places.
        only_place: the place of every loss of this sleep; None where there are several, or in a GradScaler's units.
    """

    part = "sleeping steps"

    def __init__(self, session: Session, sleeper: Sleeper, budget: float | None) -> None:
        self._session = session
        self._sleeper = sleeper
        self._share = None if budget is None else SHARE * budget
        # By code and instruction of a backward call; the code is kept alive, so that no other gets its id.
        self._places: dict[tuple[int, int], tuple[str, CodeType]] = {}
        self._losses: list[tuple[int, str, float]] = []
        # Which optimizer steps, and from which step on.
        self._stepper: torch.optim.Optimizer | None = None
        self._since: list[tuple[int, str]] = []
        self._left = 1
        self._interval = 1
        self.newest: deque[float] = deque(maxlen=USUAL)
        self._norms: deque[float] = deque(maxlen=USUAL)
        self._travelling: deque[tuple[Any, torch.Tensor, int, list[str], str]] = deque()
        self._device_losses: list[tuple[str, torch.Tensor]] = []
        # The place of every loss of this sleep, where there is but one.
        self.only_place: str | None = None
        self._off = False
        self.measure = session.recorder.guard("sleeping gradient norms", self._measure)

    def loss(self, tensors: Any) -> None:
        """A backward call begins; the tap calls this, through two functions of netvet's. No clock runs here."""
        if self._off or self._session.settled:  # in a step: what a closure computes is the optimizer's own search
            return
        try:
            self._loss(tensors if isinstance(tensors, torch.Tensor) else tensors[0], sys._getframe(3))
        except Exception as error:
            self._off = True
            self._session.recorder.switch_off("losses of sleeping steps", error)

    def _loss(self, loss: torch.Tensor, frame: FrameType) -> None:
        if loss.numel() != 1 or not loss.dtype.is_floating_point:
            return
        if frame.f_code.co_name == "backward" and frame.f_back is not None:  # Tensor.backward
            frame = frame.f_back
        place = (id(frame.f_code), frame.f_lasti)
        known = self._places.get(place)
        if known is None:
            known = self._places[place] = (str(user_site() or "?"), frame.f_code)
        site = known[0]
        scale = self._scale_now()
        if not loss.is_cpu:
            if self._left <= 1 and len(self._device_losses) < MAX_ON_DEVICE:
                there = loss.detach().reshape(()).float()
                self._device_losses.append((site, there if scale is None else there / scale.to(there.device)))
            return
        found: Any = loss.tolist()  # of no dimension: a number
        value = float(found if not loss.dim() else loss.item())
        if scale is not None:
            value /= float(scale.tolist())  # type: ignore[arg-type]
        self.newest.append(value)
        if not math.isfinite(value):
            self._deviates()
            if not self._session.asleep:
                return  # those who are awake now are told of it
        self._losses.append((self._session.step, site, value))
        if not len(self._losses) % MAX_KEPT:
            self.on_wake()

    @property
    def free_steps(self) -> int:
        """How many steps may pass before a gradient norm is due."""
        return self._left - 1

    @property
    def at_only_place(self) -> bool:
        """The loss of the step that goes on has been heard, where all others of this sleep were."""
        return bool(self._losses) and self._losses[-1][:2] == (self._session.step, self.only_place)

    def after_plain(self, steps: int, losses: list[tuple[int, float]]) -> None:
        """Take over what was counted and kept in a stretch of plain steps: step and value of each loss."""
        self._left -= steps
        self._losses += [(step, self.only_place or "?", value) for step, value in losses]
        self.newest.extend(value for _, value in losses)

    def _scale_now(self) -> torch.Tensor | None:
        """The factor that a GradScaler has put into losses."""
        reference = self._session.options.get("scaler")
        scaler = reference() if reference is not None else None
        return None if scaler is None else scaler._scale

    def begin(self, optimizer: torch.optim.Optimizer) -> None:
        """A step begins."""
        if optimizer is not self._stepper:
            self._stepper = optimizer
            self._since.append((self._session.step, self._name(optimizer)))
        self._left -= 1
        if self._left <= 0:
            self._left = self._interval
            self.measure(optimizer)

    def _name(self, optimizer: torch.optim.Optimizer) -> str:
        return self._session.options["optimizers"].get(optimizer) or type(optimizer).__name__

    @torch.no_grad()
    def _measure(self, optimizer: torch.optim.Optimizer) -> None:
        began = perf_counter()
        session = self._session
        if not session.recorder.here:
            return
        name = self._name(optimizer)
        self.on_wake()  # a killed process loses no more losses than there are between two norms
        for index, group in enumerate(optimizer.param_groups[:8]):
            if "lr" in group:
                session.recorder.value(session.step, "lr", float(group["lr"]), f"{name}/{index}")
        gradients = [p.grad for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        scale = getattr(optimizer, "grad_scale", None)
        if gradients and gradients[0].device.type == "cuda" and not any(is_shared(g) for g in gradients):
            self._send(gradients, scale, name)
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
        if not math.isfinite(norm) or norm > DEVIATION * usual:
            self._deviates()
        self._norms.append(norm)

    def _send(self, gradients: list[torch.Tensor], scale: torch.Tensor | None, name: str) -> None:
        """Let the norm and the losses of the step travel; take what has arrived."""
        norm = norm_of(gradients)
        losses, self._device_losses = self._device_losses, []
        if norm is not None:
            norm = norm.double() if scale is None else norm.double() / scale.to(norm.device)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            both = torch.stack([norm, *(loss.to(norm) for _, loss in losses)])
            there = both.to("cpu", non_blocking=True)
            arrived.record()
            self._travelling.append((arrived, there, self._session.step, [site for site, _ in losses], name))
        while self._travelling and self._travelling[0][0].query():
            _, there, step, sites, name = self._travelling.popleft()
            number, *values = there.tolist()
            self._take(step, name, number)
            self._losses += [(step, site, value) for site, value in zip(sites, values, strict=True)]

    def _deviates(self) -> None:
        self._sleeper.rouse(steps=2, urgent=True)

    def on_wake(self, _: None = None) -> None:
        """Give the losses of whole steps to the recorder: one number for each step and place."""
        now, open_ = self._session.step, []
        sums: dict[tuple[int, str], list[float]] = {}
        for step, site, value in self._losses:
            if step < now:
                sums.setdefault((step, site), []).append(value)
            else:
                open_.append((step, site, value))
        for (step, site), values in sums.items():
            at = bisect_right(self._since, step, key=lambda since: since[0]) - 1
            key = loss_key(self._session, site, self._since[at][1]) if at >= 0 else site
            self._session.recorder.value(step, "loss", sum(values) / len(values), key)
        self._losses, self._since = open_, self._since[-1:]

    def take_open(self) -> list[tuple[str, float]]:
        """Place and value of the losses of a step that has not ended; they are no longer held here."""
        losses, self._losses = self._losses, []
        return [(site, value) for _, site, value in losses]

    def on_sleep(self, _: None) -> None:
        self._stepper, self._since, self._losses = None, [], []
        known = self._session.options.get("loop")
        self.only_place = None if known is None or self._scale_now() is not None else known.only_place

    on_report = on_wake
