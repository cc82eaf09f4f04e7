"""What stays in memory: graphs of earlier losses, resident memory, and the time that steps take."""

from __future__ import annotations

import os
import sys
import weakref
from collections import Counter
from time import perf_counter
from types import FrameType
from typing import Any

import torch

from netvet.capture.site import Site, _kind, _shown
from netvet.capture.source import growing_line
from netvet.capture.torch_events import Backward, Call, Session, Step
from netvet.capture.torch_order import place
from netvet.capture.torch_tensors import tensors_in

MAX_WATCHED = 5_000
COUNT_EVERY = 10
# So many living graphs of earlier losses are worth a look for who holds them.
SUSPICIOUS = 20
# Graphs of so many windows must live on before those of the steps between them are taken to.
WINDOWS = 3


class _Life:
    """Lives as long as the autograd node in whose metadata it lies."""

    __slots__ = ("__weakref__",)


_Watched = tuple["weakref.ref[_Life]", int]


class MemoryCollector:
    """Records `live_graphs`, `live_outputs`, `retained_losses`, `memory_bytes` and `step_seconds`."""

    part = "memory"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._graphs: list[_Watched] = []
        self._outputs: list[_Watched] = []
        # A window: the steps from waking to the next waking. Each graph of an earlier one stands for so many steps.
        self._weights: list[float] = []
        self._woke = self._heard = 0
        self._marked = -1
        self._looked_up = False
        self._clock = perf_counter()
        self._counted, self._next = 0, COUNT_EVERY

    def on_backward_begin(self, event: Backward) -> None:
        self._watch(event.loss, self._graphs)

    def on_call_end(self, event: Call) -> None:
        """One output a step: how many a step makes says nothing about what is kept."""
        if self._session.step > self._marked and torch.is_grad_enabled():
            output = next((t for t in tensors_in(event.output) if t.grad_fn is not None), None)
            if output is not None:
                self._marked = self._session.step
                self._watch(output, self._outputs)

    def on_wake(self, _: None) -> None:
        """What the steps since the last waking left behind shows in those of them that were heard."""
        session = self._session
        steps, heard = session.step - self._woke, session.heard - self._heard
        self._weights.append(max(steps / heard, 1.0) if heard else 1.0)
        self._woke, self._heard = session.step, session.heard

    def on_step_end(self, _event: Step) -> None:
        session = self._session
        if session.step < self._next:
            return
        self._next = session.step + COUNT_EVERY
        self._graphs = [one for one in self._graphs if one[0]() is not None]
        self._outputs = [one for one in self._outputs if one[0]() is not None]
        graphs, outputs = self._count(self._graphs), self._count(self._outputs)
        session.recorder.value(session.step, "live_graphs", graphs)
        session.recorder.value(session.step, "live_outputs", max(outputs - graphs, 0.0))
        now = perf_counter()
        if session.step > self._counted:
            session.recorder.value(session.step, "step_seconds", (now - self._clock) / (session.step - self._counted))
        self._clock, self._counted = now, session.step
        memory = _resident_bytes()
        if memory is not None:
            session.recorder.value(session.step, "memory_bytes", memory)
        if max(graphs, outputs) >= SUSPICIOUS and not self._looked_up:
            self._looked_up = True
            session.recorder.facts("retained_losses", _holders(sys._getframe()))

    def _watch(self, tensor: torch.Tensor | None, lives: list[_Watched]) -> None:
        """See how long the graph of a tensor lives."""
        node = tensor.grad_fn if tensor is not None else None
        if node is not None and len(lives) < MAX_WATCHED:
            metadata: Any = node.metadata
            life = metadata.setdefault("netvet", _Life())
            lives.append((weakref.ref(life), len(self._weights)))

    def _count(self, alive: list[_Watched]) -> float:
        """How many graphs live, those of steps at which nobody listened included."""
        windows = Counter(window for _, window in alive)
        if sum(window < len(self._weights) for window in windows) < WINDOWS:
            return float(len(alive))  # a single one that is kept, such as the best so far, stands for itself
        weights = [*self._weights, 1.0]  # in a window that lasts, the loss of the last step lives anyhow
        return float(sum(round(count * weights[window]) for window, count in windows.items()))


def _resident_bytes() -> float | None:
    try:
        with open("/proc/self/statm") as file:
            return float(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _holders(frame: FrameType | None) -> list[dict[str, Any]]:
    """The user's variables that hold many tensors with a graph, or a sum that carries one."""
    found: list[dict[str, Any]] = []
    while frame is not None:
        code = frame.f_code
        if _kind(code.co_filename) == 0:
            site = Site(_shown(code.co_filename), frame.f_lineno)
            for name, value in list(frame.f_locals.items()):
                held = _held(name if code.co_name == "<module>" else f"{name} in {code.co_name}", value, site)
                line = growing_line(frame, name) if held else None
                found += [r | (place(Site(site.file, line)) if line else {}) for r in held]
        frame = frame.f_back
    return found[:10]


def _held(name: str, value: Any, site: Site, depth: int = 0) -> list[dict[str, Any]]:
    if isinstance(value, torch.Tensor):
        kind, count = "tensor", int(value.grad_fn is not None and value.numel() == 1 and _long_sum(value))
    elif isinstance(value, (list, tuple)):
        kind, count = "list", sum(isinstance(v, torch.Tensor) and v.grad_fn is not None for v in value[-1000:])
        count = count if count >= SUSPICIOUS // 2 else 0
    elif isinstance(value, dict) or (
        depth == 0 and hasattr(value, "__dict__") and not isinstance(value, (torch.nn.Module, type))
    ):
        inner = value if isinstance(value, dict) else vars(value)
        if depth < 2 and len(inner) < 200 and not name.startswith("__"):
            return [r for key, part in list(inner.items()) for r in _held(f"{name}.{key}", part, site, depth + 1)]
        return []
    else:
        return []
    return [{"holder": name, "kind": kind, "count": count, **place(site)}] if count else []


def _long_sum(value: torch.Tensor) -> bool:
    """Whether a scalar is the last of a long chain of additions."""
    node, length = value.grad_fn, 0
    while node is not None and type(node).__name__ == "AddBackward0" and length < SUSPICIOUS // 2:
        nodes = [following for following, _ in node.next_functions if following is not None]
        node = next((n for n in nodes if type(n).__name__ == "AddBackward0"), None)
        length += 1
    return length >= SUSPICIOUS // 2
