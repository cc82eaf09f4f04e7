"""The first operation that made NaN or infinity, read off what the autograd graph of the failing step has saved.

In the first step the graph of the loss is searched for operations that can do it (a logarithm, a square root, a
division); where it has none, nothing is looked at again until a loss is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from netvet.capture.torch_events import Backward, Call, LossCall, Session, Step
from netvet.capture.torch_graph import op_name
from netvet.capture.torch_order import place
from netvet.capture.torch_tensors import is_plain, tensors_in

MAX_NODES = 5_000
# Nodes that are followed from step to step, and the steps of the way to all of them together.
MAX_WATCHED, MAX_WAY = 16, 200
# What is kept until the step, at most.
MAX_HELD = 256
# Node -> the saved tensor to look at, and where its derivative is not finite.
_DERIVATIVES: dict[str, tuple[str, Callable[[torch.Tensor], torch.Tensor]]] = {
    "Sqrt": ("result", lambda v: ~(v > 0)),
    "Rsqrt": ("result", lambda v: ~torch.isfinite(v)),
    "Reciprocal": ("result", lambda v: ~torch.isfinite(v)),
    "Log": ("self", lambda v: v <= 0),
    "Log2": ("self", lambda v: v <= 0),
    "Log10": ("self", lambda v: v <= 0),
    "Log1P": ("self", lambda v: v <= -1),
    "PowTensorScalar": ("self", lambda v: v <= 0),
    "Pow": ("self", lambda v: v <= 0),
    "Div": ("other", lambda v: v == 0),
    "Acos": ("self", lambda v: v.abs() >= 1),
    "Asin": ("self", lambda v: v.abs() >= 1),
    "Std": ("result", lambda v: v == 0),
}
# Further operations whose value itself may be infinite.
_VALUES = {"Exp": "result", "Expm1": "result", "Exp2": "result", "Sinh": "self", "Cosh": "self"}
_UNDONE: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "Sqrt": torch.square,
    "Exp": torch.log,
    "Reciprocal": torch.reciprocal,
    "Rsqrt": lambda v: v.reciprocal().square(),
}
Way = tuple[int, ...]


class NonFiniteOriginCollector:
    """Records `first_non_finite`."""

    part = "origin of non-finite numbers"

    def __init__(self, session: Session) -> None:
        self._session = session
        self._done = False
        self._ways: dict[str, list[tuple[Way, str]]] = {}
        self._places: dict[str, dict[tuple[str, int], Any]] = {}
        self._saved: list[tuple[Any, str, torch.Tensor]] = []
        # What the models and losses of this step were given, and what the models gave back.
        self._given: list[Any] = []
        self._outputs: list[Any] = []
        self._fed: list[torch.Tensor] = []
        self._key = ""

    def on_call_begin(self, event: Call) -> None:
        if not self._done and event.phase == "train" and len(self._given) < 64:
            self._given.append((event.args, event.kwargs))

    def on_call_end(self, event: Call) -> None:
        if not self._done and event.phase == "train":
            if len(self._outputs) > MAX_HELD:  # many calls and no step: their graphs must not be held
                self._outputs = []
            self._outputs.append(event.output)

    def on_loss(self, event: LossCall) -> None:
        if not self._done and event.grad and len(self._given) < 64:
            self._given.append(event.target)

    def on_backward_begin(self, event: Backward) -> None:
        root, self._key = event.loss.grad_fn, str(event.site)
        if self._done or root is None or event.loss.numel() != 1:
            return
        if self._key not in self._ways:
            self._learn(root)
        seen = event.loss.device.type == "cpu" or self._session.deep
        if seen and not math.isfinite(float(event.loss.detach())):
            self._forward(root)
        elif len(self._saved) < MAX_HELD:
            self._saved += [found for way, name in self._ways[self._key] for found in self._follow(root, way, name)]

    def _ends(self) -> set[Any]:
        return {t.grad_fn for t in tensors_in(self._outputs) if t.grad_fn is not None}

    def _learn(self, root: Any) -> None:
        """The nodes of the first graph: where each was made, and the way to those that are to be watched."""
        origins = self._session.options["step_recorder"].origins if "step_recorder" in self._session.options else {}
        counts: dict[str, int] = {}
        places: dict[tuple[str, int], Any] = {}
        watched: list[tuple[Way, str]] = []
        length = 0
        for node, way, outside in _walk(root, self._ends()):
            name = op_name(node)
            counts[name] = counts.get(name, 0) + 1
            places[name, counts[name]] = origins.get(node)
            wanted = outside and name in _DERIVATIVES and not (name.startswith("Pow") and not _is_root(node))
            if wanted and len(watched) < MAX_WATCHED and length + len(way) <= MAX_WAY:
                watched.append((way, name))
                length += len(way)
        self._ways[self._key], self._places[self._key] = watched, places

    def _follow(self, root: Any, way: Way, name: str) -> Iterator[tuple[Any, str, torch.Tensor]]:
        node = root
        for turn in way:
            following = node.next_functions
            node = following[turn][0] if turn < len(following) else None
            if node is None:
                return
        saved = _saved(node, _DERIVATIVES[name][0]) if op_name(node) == name else None
        if saved is not None and saved.numel() > (1 if name == "Div" else 0):
            yield node, name, saved

    def _forward(self, root: Any) -> None:
        """The loss is not finite: the lowest operation of its graph that made it so out of finite operands."""
        if not self._given:  # the step was not heard from its beginning: what was fed in is in the graph
            self._fed = [t for node, _, _ in _walk(root, set()) for t in _fed(node)]
        found: dict[str, Any] = {"op": None}
        counts: dict[str, int] = {}
        for node, _, _ in _walk(root, self._ends()):  # from the loss down: the last that fits is the lowest
            name = op_name(node)
            counts[name] = counts.get(name, 0) + 1
            field = _DERIVATIVES[name][0] if name in _DERIVATIVES else _VALUES.get(name)
            saved = _saved(node, field) if field else None
            if saved is not None and _value_breaks(node, name, saved):
                found = _operand(name, saved) | {"op": name, **self._place(name, counts[name])}
        self._record(found, "forward")

    def on_step_begin(self, event: Step) -> None:
        norm = self._session.options.get("grad_norm")
        if self._done or norm is None or math.isfinite(norm):
            return
        counts: dict[str, int] = {}
        for node, name, saved in self._saved:
            counts[name] = counts.get(name, 0) + 1
            if torch.isfinite(saved).all() and bool(_DERIVATIVES[name][1](saved).any()):
                number = self._number(node, name)
                self._record(_operand(name, saved) | {"op": name, **self._place(name, number)}, "backward")
                return
        self._record({"op": None}, "backward")

    def _number(self, wanted: Any, name: str) -> int:
        """Which node of its name it is, in the order of the walk; ways are in that order."""
        same = [node for node, other, _ in self._saved if other == name]
        watched = [n for (op, n) in self._places[self._key] if op == name]
        return watched[same.index(wanted)] if len(watched) == len(same) else 0

    def _place(self, name: str, number: int) -> dict[str, Any]:
        origin = self._places.get(self._key, {}).get((name, number))
        sites = [o for (op, _), o in self._places.get(self._key, {}).items() if op == name and o is not None]
        if origin is None and len({o.site for o in sites}) == 1:
            origin = sites[0]
        return {"module": origin.module if origin else None, **place(origin.site if origin else None)}

    def _record(self, found: dict[str, Any], phase: str) -> None:
        self._done = True
        models = self._session.models.called()
        weights = any(not bool(torch.isfinite(p).all()) for m in models for p in m.parameters())
        given = self._given or self._fed
        floats = [t for t in tensors_in(given) if is_plain(t) and t.is_floating_point()]
        record = {
            "step": self._session.step, "phase": phase, "module": None, "file": None, "line": None,
            "operand_min": None, "operand_max": None, **found, "from_weights": weights,
            "from_input": any(not bool(torch.isfinite(t).all()) for t in floats),
        }  # fmt: skip
        self._session.recorder.facts("first_non_finite", [record])
        self._clear()

    def _clear(self) -> None:
        self._saved, self._given, self._outputs, self._fed = [], [], [], []

    def on_step_end(self, _event: Step) -> None:
        self._clear()

    def on_finish(self, _ended: str) -> None:
        self._clear()
        if not self._done:
            self._session.recorder.missing("first_non_finite", "no loss and no gradient was seen to be NaN or infinite")


def _walk(root: Any, ends: set[Any]) -> Iterator[tuple[Any, Way, bool]]:
    """The nodes from the loss down, with the way to each, and whether it lies outside the models."""
    queue: list[tuple[Any, Way, bool]] = [(root, (), root not in ends)]
    seen = {root}
    for node, way, outside in queue:
        yield node, way, outside
        for turn, (below, _) in enumerate(node.next_functions):
            if below is not None and below not in seen and len(seen) < MAX_NODES:
                seen.add(below)
                queue.append((below, (*way, turn) if outside else (), outside and below not in ends))


# Where matrix products and convolutions keep their input, and which of their operands it is.
_INPUTS = {"Addmm": ("mat1", 1), "Mm": ("self", 0), "Convolution": ("input", 0)}


def _fed(node: Any) -> list[torch.Tensor]:
    """The input of a layer that was not computed by the program's graph: data."""
    field, operand = _INPUTS.get(op_name(node), ("", 0))
    following = node.next_functions
    if not field or operand >= len(following) or following[operand][0] is not None:
        return []
    saved = _saved(node, field)
    return [saved] if saved is not None else []


def _saved(node: Any, field: str) -> torch.Tensor | None:
    try:
        value = getattr(node, f"_saved_{field}", None)
    except RuntimeError:  # freed, or changed in place since
        return None
    plain = isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel() > 0
    return value.detach() if plain and value is not None else None


def _is_root(node: Any) -> bool:
    exponent = getattr(node, "_saved_exponent", None)
    return isinstance(exponent, (int, float)) and exponent < 1


def _value_breaks(node: Any, name: str, saved: torch.Tensor) -> bool:
    """The operation made a number that is not finite out of finite ones."""
    if name in _VALUES:
        return bool(torch.isinf(saved).any()) and not bool(torch.isnan(saved).any())
    if _DERIVATIVES[name][0] == "result":
        return not bool(torch.isfinite(saved).all())
    if not bool(torch.isfinite(saved).all()) or name in ("Acos", "Asin"):
        return bool((saved.abs() > 1).any()) if name in ("Acos", "Asin") else False
    if name.startswith("Pow"):
        exponent = getattr(node, "_saved_exponent", None)
        if not isinstance(exponent, (int, float)):
            return False
        return bool(((saved < 0) & (exponent != int(exponent)) | (saved == 0) & (exponent < 0)).any())
    return bool(_DERIVATIVES[name][1](saved).any())


def _operand(name: str, saved: torch.Tensor) -> dict[str, Any]:
    """Smallest and largest operand, as far as they are finite."""
    field = _DERIVATIVES[name][0] if name in _DERIVATIVES else _VALUES[name]
    values = _UNDONE[name](saved.double()) if field == "result" and name in _UNDONE else saved.double()
    values = values[torch.isfinite(values)]
    ends = (float(values.min()), float(values.max())) if values.numel() else (None, None)
    return {"operand_min": ends[0], "operand_max": ends[1]}
